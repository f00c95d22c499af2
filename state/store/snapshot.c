#include "state/store/snapshot.h"

#include "core/base/array.h"
#include "core/base/error.h"
#include "state/store/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

struct sl_snapshot {
    struct sl_io *io;
    struct sl_store_list list;
    size_t segments;
    struct sl_segment **segment; /* [segments] */
    size_t keys, capacity;
    const char **key; /* borrowed from the segments */
};

static int add_key(struct sl_snapshot *snapshot, const char *key, struct sl_error *err)
{
    for (size_t i = 0; i < snapshot->keys; i++)
        if (strcmp(snapshot->key[i], key) == 0)
            return 0;
    const char **grown = sl_array_grow(snapshot->key, snapshot->keys, &snapshot->capacity, sizeof *grown);
    if (!grown)
        return sl_error_nomem(err);
    snapshot->key = grown;
    snapshot->key[snapshot->keys++] = key;
    return 0;
}

static int open_segment(struct sl_snapshot *snapshot, int dirfd, const struct sl_store_entry *entry,
                        struct sl_error *err)
{
    char path[SL_STORE_PATH_BYTES];
    struct sl_segment *segment;
    sl_store_path(entry->number, path);
    int r = sl_segment_open(snapshot->io, dirfd, path, entry->bytes, entry->hash, false, &segment, err);
    if (r < 0)
        return r;
    snapshot->segment[snapshot->segments++] = segment;
    for (size_t i = 0; i < segment->sections && r == 0; i++)
        r = add_key(snapshot, segment->section[i].key, err);
    return r;
}

static int open_segments(struct sl_snapshot *snapshot, const char *dir, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf path = {0};
    snapshot->segment = calloc(snapshot->list.count + 1, sizeof(struct sl_segment *));
    const char *state_dir = sl_buf_path(&path, "%s/state", dir);
    if (!snapshot->segment || !state_dir)
        return sl_error_nomem(err);
    if (!snapshot->list.count)
        return 0; /* nor need there be a directory */
    int dirfd = sl_io_open(snapshot->io, AT_FDCWD, state_dir, O_RDONLY | O_DIRECTORY, 0, err), r = 0;
    if (dirfd < 0 && err && err->sys == ENOENT)
        return sl_error_set(
            err, SL_EDAMAGED,
            "%s, with the segments that the catalog names, is not there; restore the checkpoint "
            "from a backup or start over with sluice reset --yes",
            state_dir);
    if (dirfd < 0)
        return dirfd;
    for (size_t i = 0; r == 0 && i < snapshot->list.count; i++)
        r = open_segment(snapshot, dirfd, &snapshot->list.entry[i], err);
    sl_io_close(snapshot->io, dirfd);
    return r;
}

int sl_snapshot_open(struct sl_io *io, const char *dir, const char *list, struct sl_snapshot **ret,
                     struct sl_error *err)
{
    struct sl_snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (!snapshot)
        return sl_error_nomem(err);
    snapshot->io = io;
    int r = sl_store_list_parse(&snapshot->list, list, err);
    r = r < 0 ? r : open_segments(snapshot, dir, err);
    if (r < 0) {
        sl_snapshot_close(snapshot);
        return r;
    }
    *ret = snapshot;
    return 0;
}

void sl_snapshot_close(struct sl_snapshot *snapshot)
{
    if (!snapshot)
        return;
    for (size_t i = 0; i < snapshot->segments; i++)
        sl_segment_close(snapshot->segment[i]);
    free(snapshot->segment);
    free(snapshot->key);
    free(snapshot->list.entry);
    free(snapshot);
}

const char *sl_snapshot_key(const struct sl_snapshot *snapshot, size_t index)
{
    return index < snapshot->keys ? snapshot->key[index] : NULL;
}

size_t sl_snapshot_segments(const struct sl_snapshot *snapshot)
{
    return snapshot->segments;
}

static const struct sl_segment_section *find_section(const struct sl_segment *segment, const char *key,
                                                     uint32_t part)
{
    for (size_t i = 0; i < segment->sections; i++)
        if (segment->section[i].section.part == part && strcmp(segment->section[i].key, key) == 0)
            return &segment->section[i];
    return NULL;
}

int sl_snapshot_first_row(struct sl_snapshot *snapshot, size_t segment, const char *key, uint32_t part,
                          int (*visit)(void *arg, const struct sl_field *fields, uint32_t width), void *arg,
                          struct sl_error *err)
{
    const struct sl_segment_section *section = find_section(snapshot->segment[segment], key, part);
    struct sl_segment_rows rows;
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t width;
    if (!section)
        return 0;
    sl_segment_rows_init(&rows, snapshot->segment[segment], section);
    int r = sl_segment_rows_next(&rows, fields, &width, err);
    r = r > 0 ? visit(arg, fields, width) : r;
    sl_segment_rows_done(&rows);
    return r;
}

int sl_snapshot_load_oldest(struct sl_snapshot *snapshot, size_t segments, const char *key,
                            int (*visit)(void *arg, const struct sl_section *section,
                                         const struct sl_dataset *rows),
                            void *arg, struct sl_error *err)
{
    int r = 0;
    for (size_t s = 0; s < segments && r == 0; s++)
        r = sl_segment_load(snapshot->segment[s], key, NULL, visit, arg, err);
    return r;
}

int sl_snapshot_load(struct sl_snapshot *snapshot, const char *key,
                     int (*visit)(void *arg, const struct sl_section *section, const struct sl_dataset *rows),
                     void *arg, struct sl_error *err)
{
    return sl_snapshot_load_oldest(snapshot, snapshot->segments, key, visit, arg, err);
}
