/* A tree without a mount, its notices written down as text. */
#pragma once

#include "fs/tree/tree.h"
#include "shown.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>

struct planted {
    struct sl_tree *tree;
    bool deaf;           /* refuses notices, as when memory is out */
    char notices[65536]; /* "gone 16 now\n" ... */
};

static inline bool planted_notice(void *arg, const struct sl_notice *notice)
{
    struct planted *planted = arg;
    size_t len = strlen(planted->notices);
    if (!planted->deaf)
        snprintf(planted->notices + len, sizeof planted->notices - len, "%s %" PRIu64 " %s\n",
                 notice->kind == SL_NOTICE_GONE ? "gone" : "drop", notice->parent, notice->name);
    return !planted->deaf;
}

static inline void planted_open(struct planted *planted, unsigned keep)
{
    static const char *const views[] = {"counts", "lines"};
    const unsigned keeps[] = {keep, keep};
    struct sl_tree_options options = {
        .view = views, .views = 2, .keep = keeps, .notice = planted_notice, .notice_arg = planted};
    *planted = (struct planted){0};
    assert_int_equal(sl_tree_new(&options, &planted->tree, NULL), 0);
}

static inline struct sl_viewer_counts planted_count(struct planted *planted)
{
    struct sl_viewer_counts counts;
    sl_tree_count(planted->tree, &counts);
    return counts;
}

static inline void planted_publish(struct planted *planted, struct sl_version *version)
{
    assert_int_equal(sl_tree_publish(planted->tree, 0, version, NULL), 0);
    sl_tree_notified(planted->tree, sl_tree_published(planted->tree));
    sl_version_unref(version);
}

/* Looks up a path from the root; every name on it counts. Symlinks are not followed. 0 or
 * a negative errno. */
static inline int planted_walk(struct planted *planted, const char *path, struct sl_attr *ret)
{
    char name[SL_KEY_NAME_MAX + 2];
    *ret = (struct sl_attr){.ino = SL_INO_ROOT};
    while (*path) {
        size_t len = strcspn(path, "/");
        snprintf(name, sizeof name, "%.*s", (int)len, path);
        int r = sl_tree_lookup(planted->tree, ret->ino, name, ret);
        if (r < 0)
            return r;
        path += len + (path[len] == '/');
    }
    return 0;
}

static inline uint64_t planted_ino(struct planted *planted, const char *path)
{
    struct sl_attr attr;
    int r = planted_walk(planted, path, &attr);
    if (r < 0)
        fail_msg("%s: %s", path, strerror(-r));
    return attr.ino;
}

/* Reads from where the offset is up to `size` bytes into text, with a NUL. Returns the length or -errno. */
static inline int planted_read(struct planted *planted, struct sl_open *open, uint64_t offset, size_t size,
                               char *text)
{
    struct sl_pieces pieces;
    size_t len = 0;
    int r = sl_tree_read(planted->tree, open, offset, size, &pieces);
    if (r < 0)
        return r;
    for (size_t i = 0; i < pieces.count; i++) {
        memcpy(text + len, pieces.piece[i].at, pieces.piece[i].len);
        len += pieces.piece[i].len;
    }
    assert_int_equal(len, pieces.bytes);
    text[len] = 0;
    sl_pieces_done(&pieces);
    return (int)len;
}

static inline struct sl_open *planted_file(struct planted *planted, uint64_t ino)
{
    struct sl_open *open;
    assert_int_equal(sl_tree_open(planted->tree, ino, &open), 0);
    return open;
}

static inline void planted_assert_text(struct planted *planted, const char *path, const char *expected)
{
    char text[65536];
    struct sl_attr attr;
    if (planted_walk(planted, path, &attr) < 0)
        fail_msg("%s is not there", path);
    struct sl_open *open = planted_file(planted, attr.ino);
    assert_true(planted_read(planted, open, 0, sizeof text - 1, text) >= 0);
    assert_string_equal(text, expected);
    assert_int_equal(attr.size, strlen(expected));
    sl_tree_close(planted->tree, open);
}

/* The names of a directory, each with a blank behind it, read `step` entries at a time. */
struct planted_listing {
    char *names;
    size_t size;
    unsigned step, taken;
    uint64_t next;
};

static inline bool planted_emit(void *arg, const char *name, const struct sl_attr *attr, bool known,
                                uint64_t next)
{
    struct planted_listing *listing = arg;
    if (listing->taken == listing->step)
        return false;
    size_t len = strlen(listing->names);
    snprintf(listing->names + len, listing->size - len, "%s ", name);
    listing->taken++;
    listing->next = next;
    return true;
}

static inline void planted_list(struct planted *planted, uint64_t ino, unsigned step, bool lookups,
                                char *names, size_t size)
{
    struct planted_listing listing = {names, size, step, 0, 0};
    names[0] = 0;
    do {
        listing.taken = 0;
        assert_int_equal(sl_tree_list(planted->tree, ino, listing.next, lookups, planted_emit, &listing), 0);
    } while (listing.taken == step);
}
