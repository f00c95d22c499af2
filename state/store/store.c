#include "state/store/store.h"

#include "core/base/array.h"
#include "core/base/error.h"
#include "state/store/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* False: out of memory. */
static bool append(struct sl_store_list *list, struct sl_store_entry entry)
{
    struct sl_store_entry *grown = sl_array_grow(list->entry, list->count, &list->capacity, sizeof *grown);
    if (!grown)
        return false;
    list->entry = grown;
    list->entry[list->count++] = entry;
    return true;
}

/* ---- the list as text: a line "number bytes hash" per segment, the last two in hexadecimal ---- */

int sl_store_list_parse(struct sl_store_list *list, const char *text, struct sl_error *err)
{
    for (const char *line = text; *line;) {
        struct sl_store_entry entry;
        int len = 0;
        if (sscanf(line, "%" SCNu64 " %" SCNx64 " %" SCNx64 "\n%n", &entry.number, &entry.bytes, &entry.hash,
                   &len) != 3 ||
            !len)
            return sl_error_set(
                err, SL_EDAMAGED,
                "the list of segments in the catalog is damaged; restore it from a backup or start "
                "over with sluice reset --yes");
        if (!append(list, entry))
            return sl_error_nomem(err);
        line += len;
    }
    return 0;
}

/* The first number that no listed segment has. */
static uint64_t next_number(const struct sl_store_list *list)
{
    uint64_t next = 0;
    for (size_t i = 0; i < list->count; i++)
        if (list->entry[i].number >= next)
            next = list->entry[i].number + 1;
    return next;
}

static int format_list(struct sl_store *store, struct sl_error *err)
{
    bool ok = true;
    store->text.len = 0;
    for (size_t i = 0; ok && i < store->list.count; i++) {
        const struct sl_store_entry *entry = &store->list.entry[i];
        ok = sl_buf_printf(&store->text, "%" PRIu64 " %" PRIx64 " %" PRIx64 "\n", entry->number, entry->bytes,
                           entry->hash);
    }
    ok = ok && sl_buf_byte(&store->text, 0);
    return ok ? 0 : sl_error_nomem(err);
}

/* ---- opening ---- */

static bool is_listed(const struct sl_store *store, const char *name)
{
    for (size_t i = 0; i < store->list.count; i++) {
        char path[SL_STORE_PATH_BYTES];
        sl_store_path(store->list.entry[i].number, path);
        if (strcmp(path, name) == 0)
            return true;
    }
    return false;
}

static bool is_segment_name(const char *name)
{
    size_t digits = strspn(name, "0123456789");
    return digits && strcmp(name + digits, ".seg") == 0;
}

/* Removes segments that no committed batch refers to, left by a crash or a merge. */
static int remove_unlisted(struct sl_store *store, struct sl_error *err)
{
    int fd = sl_io_open(store->io, store->dirfd, ".", O_RDONLY | O_DIRECTORY, 0, err);
    if (fd < 0)
        return sl_error_wrap(err, "the directory of segments");
    DIR *dir = store->io->ops->fdopendir(store->io, fd);
    if (!dir) {
        sl_io_close(store->io, fd);
        return sl_error_sys(err, errno, "reading the directory of segments");
    }
    for (struct dirent *entry; (entry = store->io->ops->readdir(store->io, dir));)
        if (is_segment_name(entry->d_name) && !is_listed(store, entry->d_name))
            (void)store->io->ops->unlinkat(store->io, store->dirfd, entry->d_name, 0); /* or the next start */
    (void)store->io->ops->closedir(store->io, dir); /* nothing was written through it */
    return 0;
}

static int add_key(struct sl_store *store, const char *key, struct sl_error *err)
{
    for (size_t i = 0; i < store->keys; i++)
        if (strcmp(store->key[i], key) == 0)
            return 0;
    char **grown = sl_array_grow(store->key, store->keys, &store->keys_capacity, sizeof *grown);
    if (!grown)
        return sl_error_nomem(err);
    store->key = grown;
    store->key[store->keys] = strdup(key);
    return store->key[store->keys] ? (store->keys++, 0) : sl_error_nomem(err);
}

int sl_store_open_segment(struct sl_store *store, const struct sl_store_entry *entry, bool verify,
                          struct sl_segment **ret, struct sl_error *err)
{
    char path[SL_STORE_PATH_BYTES];
    sl_store_path(entry->number, path);
    return sl_segment_open(store->io, store->dirfd, path, entry->bytes, entry->hash, verify, ret, err);
}

/* Every segment is read once: damage is reported before anything is computed. */
static int check_segments(struct sl_store *store, struct sl_error *err)
{
    int r = 0;
    for (size_t s = 0; s < store->list.count && r == 0; s++) {
        struct sl_segment *segment;
        r = sl_store_open_segment(store, &store->list.entry[s], true, &segment, err);
        if (r < 0)
            return r;
        for (size_t i = 0; i < segment->sections && r == 0; i++)
            r = add_key(store, segment->section[i].key, err);
        sl_segment_close(segment);
    }
    return r;
}

static int keeper_begin(struct sl_state_writer *keeper, const struct sl_section *section);
static int keeper_row(struct sl_state_writer *keeper, const struct sl_field *fields, uint32_t width);
static const struct sl_state_writer_ops keeper_ops = {keeper_begin, keeper_row};

static int open_directory(struct sl_store *store, int dirfd, const char *dir, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf path = {0};
    const char *state_dir = sl_buf_path(&path, "%s/state", dir);
    if (!state_dir)
        return sl_error_nomem(err);
    int r = sl_io_make_dirs(store->io, dirfd, state_dir, 0700, err);
    if (r == 0)
        r = sl_io_open(store->io, dirfd, state_dir, O_RDONLY | O_DIRECTORY, 0, err);
    if (r < 0)
        return r;
    store->dirfd = r;
    return sl_io_sync_dir(store->io, dirfd, dir, err); /* state/ itself is durable before it is named */
}

int sl_store_open(struct sl_io *io, struct sl_log *log, int dirfd, const char *dir, const char *list,
                  int64_t last_ms, struct sl_store **ret, struct sl_error *err)
{
    struct sl_store *store = calloc(1, sizeof *store);
    if (!store)
        return sl_error_nomem(err);
    store->keeper.ops = &keeper_ops;
    store->io = io;
    store->log = log;
    store->dirfd = -1;
    store->last_ms = last_ms;
    int r = open_directory(store, dirfd, dir, err);
    r = r < 0 ? r : sl_store_list_parse(&store->list, list, err);
    store->next = next_number(&store->list);
    r = r < 0 ? r : check_segments(store, err);
    r = r < 0 ? r : remove_unlisted(store, err);
    if (r < 0) {
        sl_store_close(store);
        return r;
    }
    *ret = store;
    return 0;
}

void sl_store_keep_apart(struct sl_store *store, size_t segments)
{
    store->apart = segments;
}

const char *sl_store_key(const struct sl_store *store, size_t index)
{
    return index < store->keys ? store->key[index] : NULL;
}

int sl_store_drop(struct sl_store *store, const char *key)
{
    const char **grown = realloc(store->drop, (store->drops + 2) * sizeof *grown);
    if (!grown)
        return SL_ENOMEM;
    store->drop = grown;
    for (size_t i = 0; i < store->keys; i++)
        if (strcmp(store->key[i], key) == 0)
            store->drop[store->drops++] = store->key[i];
    store->drop[store->drops] = NULL;
    return 0;
}

/* ---- a batch ---- */

void sl_store_batch(struct sl_store *store, int64_t t)
{
    sl_segment_abort(store->writer);
    store->writer = NULL;
    store->t = t;
    store->failed = 0;
    if (!store->any_batch)
        sl_store_merge_left(store);
    store->any_batch = true;
}

struct sl_state_writer *sl_store_operator(struct sl_store *store, const char *key)
{
    store->op_key = key;
    return &store->keeper;
}

static int keep_failure(struct sl_store *store, int r)
{
    if (r < 0 && store->failed == 0)
        store->failed = r;
    return r;
}

static int keeper_begin(struct sl_state_writer *keeper, const struct sl_section *section)
{
    struct sl_store *store = (struct sl_store *)keeper;
    char path[SL_STORE_PATH_BYTES];
    int r = 0;
    if (!store->writer) {
        store->number = store->next++;
        sl_store_path(store->number, path);
        r = sl_segment_create(store->io, store->dirfd, path, &store->writer, &store->error);
    }
    if (r == 0)
        r = sl_segment_begin(store->writer, store->op_key, section, &store->error);
    return keep_failure(store, r);
}

static int keeper_row(struct sl_state_writer *keeper, const struct sl_field *fields, uint32_t width)
{
    struct sl_store *store = (struct sl_store *)keeper;
    return keep_failure(store, sl_segment_row(store->writer, fields, width, &store->error));
}

static int finish_segment(struct sl_store *store, struct sl_error *err)
{
    struct sl_store_entry entry = {.number = store->number};
    if (!store->writer)
        return 0;
    int r = sl_segment_finish(store->writer, &entry.bytes, &entry.hash, err);
    store->writer = NULL;
    return r == 0 && !append(&store->list, entry) ? sl_error_nomem(err) : r;
}

int sl_store_failure(const struct sl_store *store, struct sl_error *err)
{
    if (store->failed)
        *err = store->error;
    return store->failed;
}

int sl_store_finish(struct sl_store *store, const char **ret_list, struct sl_error *err)
{
    bool changed = store->writer != NULL;
    int r = sl_store_failure(store, err);
    store->gone = 0;
    r = r < 0 ? r : sl_store_purge(store, err);
    r = r < 0 ? r : finish_segment(store, err);
    r = r < 0 ? r : sl_store_collect_merge(store, err);
    if (r == 0 && (changed || store->gone))
        r = sl_io_sync(store->io, store->dirfd, "the directory of segments", err);
    r = r < 0 ? r : format_list(store, err);
    if (r == 0)
        *ret_list = (const char *)store->text.bytes;
    return r;
}

void sl_store_committed(struct sl_store *store)
{
    store->last_ms = store->t;
    for (size_t i = 0; i < store->gone; i++) {
        char path[SL_STORE_PATH_BYTES];
        sl_store_path(store->gone_number[i], path);
        (void)store->io->ops->unlinkat(store->io, store->dirfd, path, 0); /* a start removes what is left */
    }
    store->gone = 0;
    sl_store_start_merge(store);
}

void sl_store_close(struct sl_store *store)
{
    if (!store)
        return;
    if (store->merging) {
        atomic_store(&store->stop, 1);
        pthread_join(store->thread, NULL);
        sl_store_free_merge(store);
    }
    sl_segment_abort(store->writer);
    if (store->dirfd >= 0)
        sl_io_close(store->io, store->dirfd);
    for (size_t i = 0; i < store->keys; i++)
        free(store->key[i]);
    free(store->key);
    free(store->drop);
    free(store->list.entry);
    free(store->gone_number);
    sl_buf_done(&store->text);
    free(store);
}
