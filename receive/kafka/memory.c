/* What a Kafka source remembers beside the catalog, in <checkpoint>/received/<source>/: where it began (the file
 * "start", positions.h) and what it has read last (the file "last", landmark.h). */
#include "core/base/io.h"
#include "receive/kafka/source.h"
#include "receive/log_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES_MAX = 64 << 20, SAVE_MS = 1000 };

/* ---- files ---- */

int sl_kafka_memory_load(const struct sl_kafka_source *source, const char *file, char **ret, size_t *ret_len,
                         struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf path = {0};
    const struct sl_services *services = source->services;
    *ret = NULL;
    if (!services->checkpoint)
        return 0;
    sl_received_dir(services->checkpoint, source->name, &path);
    if (!path.failed)
        path.len--; /* the NUL */
    sl_buf_printf(&path, "/%s", file);
    sl_buf_byte(&path, 0);
    if (path.failed)
        return sl_error_nomem(err);
    int r = sl_io_read_file(services->io, AT_FDCWD, (const char *)path.bytes, BYTES_MAX, ret, ret_len, err);
    if (r == 0)
        return 0;
    *ret = NULL;
    return err->sys == ENOENT ? 0 : r;
}

static int replace(const struct sl_kafka_source *source, int dir, const char *file, const struct sl_buf *text,
                   struct sl_error *err)
{
    struct sl_io *io = source->services->io;
    char hidden[512];
    int fd = sl_io_create_hidden(io, dir, file, 0600, hidden, sizeof hidden, err);
    int r = fd < 0 ? fd : sl_io_write(io, fd, text->bytes, text->len, file, err);
    r = r < 0 ? r : sl_io_sync(io, fd, file, err);
    if (fd >= 0)
        sl_io_close(io, fd);
    if (r == 0 && io->ops->renameat2(io, dir, hidden, dir, file, 0) < 0)
        r = sl_error_sys(err, errno, "renaming %s", file);
    if (r < 0 && fd >= 0)
        (void)io->ops->unlinkat(io, dir, hidden, 0); /* the first failure is the one reported */
    return r < 0 ? r : sl_io_sync(io, dir, file, err);
}

int sl_kafka_memory_save(const struct sl_kafka_source *source, const char *file, const struct sl_buf *text,
                         struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf path = {0};
    const struct sl_services *services = source->services;
    if (!services->checkpoint)
        return 0;
    sl_received_dir(services->checkpoint, source->name, &path);
    if (path.failed)
        return sl_error_nomem(err);
    const char *name = (const char *)path.bytes;
    int r = sl_io_make_dirs(services->io, AT_FDCWD, name, 0700, err);
    int dir = r < 0 ? r : sl_io_open(services->io, AT_FDCWD, name, O_RDONLY | O_DIRECTORY, 0, err);
    if (dir < 0)
        return dir;
    r = replace(source, dir, file, text, err);
    sl_io_close(services->io, dir);
    return r;
}

/* ---- landmarks ---- */

static int collect(const struct sl_kafka_source *source, struct sl_kafka_landmarks *ret, struct sl_error *err)
{
    int r = 0;
    for (size_t i = 0; i < source->partitions && r == 0; i++) {
        const struct sl_kafka_partition *at = source->partition[i];
        if (at->landmark.offset >= 0)
            r = sl_kafka_landmarks_add(ret, at->topic, at->number, &at->landmark, err);
    }
    return r;
}

/* The watch compares them with what the brokers have. */
static int hand_over(struct sl_kafka_source *source, struct sl_error *err)
{
    struct sl_kafka_landmarks marks = {0};
    int r = collect(source, &marks, err);
    if (r == 0)
        sl_kafka_watch_landmarks(source->watch, &marks);
    sl_kafka_landmarks_done(&marks);
    return r;
}

int sl_kafka_memory_load_landmarks(struct sl_kafka_source *source, struct sl_error *err)
{
    SL_CLEANUP(sl_kafka_landmarks_done) struct sl_kafka_landmarks marks = {0};
    char *text;
    size_t len;
    int r = sl_kafka_memory_load(source, "last", &text, &len, err);
    if (r < 0 || !text)
        return r;
    r = sl_kafka_landmarks_parse(text, len, &marks, err);
    free(text);
    for (size_t i = 0; i < source->partitions && r == 0; i++) {
        struct sl_kafka_partition *partition = source->partition[i];
        const struct sl_kafka_landmark *at =
            sl_kafka_landmarks_find(&marks, partition->topic, partition->number);
        if (at)
            partition->landmark = partition->read = *at;
    }
    return r < 0 ? sl_error_wrap(err, "received/%s/last", source->name) : hand_over(source, err);
}

int sl_kafka_memory_flush(struct sl_kafka_source *source, struct sl_error *err)
{
    SL_CLEANUP(sl_kafka_landmarks_done) struct sl_kafka_landmarks marks = {0};
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    if (!source->has_unsaved)
        return 0;
    int r = collect(source, &marks, err);
    if (r == 0 && !sl_kafka_landmarks_append(&marks, &text))
        r = sl_error_nomem(err);
    r = r < 0 ? r : sl_kafka_memory_save(source, "last", &text, err);
    if (r == 0)
        source->has_unsaved = false;
    source->saved_ns = sl_monotonic_ns();
    return r;
}

int sl_kafka_memory_settle(struct sl_kafka_source *source, struct sl_error *err)
{
    bool has_moved = false, has_first = false;
    for (size_t i = 0; i < source->partitions; i++) {
        struct sl_kafka_partition *at = source->partition[i];
        if (at->read.offset <= at->landmark.offset)
            continue;
        has_first |= at->landmark.offset < 0;
        has_moved = true;
        at->landmark = at->read;
        at->is_checked = true; /* it was read just now */
    }
    source->has_unsaved |= has_moved;
    bool is_time = has_first || sl_monotonic_ns() - source->saved_ns > SAVE_MS * INT64_C(1000000);
    int r = has_moved ? hand_over(source, err) : 0;
    if (r == 0 && is_time)
        r = sl_kafka_memory_flush(source, err);
    return r == SL_EFULL ? 0 : r; /* what the file has is older, and serves as well */
}
