/* One object, read through struct sl_io, so that every format reads objects as it reads files. Bytes are asked for in pieces:
 * small reads that follow each other are one request. */
#include "core/base/buf.h"
#include "core/base/error.h"
#include "sources/objects/objects.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { AFTER_BYTES = 8 << 10 }; /* read after `to` at once: the end of a split's last line */

struct sl_range_reader {
    struct sl_io io; /* first */
    struct sl_objects *objects;
    struct sl_bucket *bucket;
    const struct sl_file *file;
    struct sl_bucket_entry entry;
    int64_t to;
    const _Atomic int *stop;
    struct sl_buf piece; /* bytes from `from` on */
    int64_t from;
    bool has_failed;
    struct sl_error error;
};

static bool holds(const struct sl_range_reader *reader, int64_t at)
{
    return at >= reader->from && at < reader->from + (int64_t)reader->piece.len;
}

/* How much is asked for at `at`: at least one byte, within the object. */
static size_t piece_size(const struct sl_range_reader *reader, int64_t at, size_t size)
{
    int64_t ahead = reader->to + AFTER_BYTES - at, left = reader->entry.size - at;
    int64_t want = ahead > (int64_t)size ? ahead : (int64_t)size;
    want = want < left ? want : left;
    return want < SL_BUCKET_GET_MAX ? (size_t)want : SL_BUCKET_GET_MAX;
}

static int fetch(struct sl_range_reader *reader, int64_t at, size_t size)
{
    struct sl_error *err = &reader->error;
    sl_buf_clear(&reader->piece);
    reader->from = at;
    int r = reader->bucket->ops->get(reader->bucket, reader->stop, &reader->entry, at,
                                     piece_size(reader, at, size), &reader->piece, err);
    if (r == 0)
        r = sl_error_set(err, SL_EFAIL, "reading %s: another object has taken its place, or it was deleted",
                         reader->file->path);
    reader->has_failed = r < 0;
    return r < 0 ? r : 0;
}

static ssize_t read_object(struct sl_io *io, int fd, void *buf, size_t size, off_t offset)
{
    struct sl_range_reader *reader = (struct sl_range_reader *)io;
    (void)fd; /* the object has none */
    if (offset >= reader->entry.size || !size)
        return 0;
    if (!holds(reader, offset) && fetch(reader, offset, size) < 0) {
        errno = EIO;
        return -1;
    }
    size_t skip = (size_t)(offset - reader->from), left = reader->piece.len - skip;
    size_t len = size < left ? size : left;
    memcpy(buf, reader->piece.bytes + skip, len);
    return (ssize_t)len;
}

static const struct sl_io_ops ops = {.pread = read_object};

/* The object must be the one that was planned. */
static int look(struct sl_range_reader *reader, struct sl_error *err)
{
    const struct sl_file *file = reader->file;
    int r = reader->bucket->ops->look(reader->bucket, reader->stop, file->path, &reader->entry, err);
    if (r == 0)
        return sl_error_set(err, SL_EFAIL, "reading %s: there is no such object any more", file->path);
    if (r < 0)
        return r;
    struct sl_file now = sl_object_file_of(&reader->entry);
    return sl_file_same(&now, file)
               ? 0
               : sl_error_set(err, SL_EFAIL, "reading %s: another object has taken its place", file->path);
}

int sl_range_reader_open(struct sl_objects *objects, const struct sl_file *file, int64_t to,
                         const _Atomic int *task_stop, struct sl_range_reader **ret, struct sl_error *err)
{
    struct sl_range_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return sl_error_nomem(err);
    *reader = (struct sl_range_reader){
        .io = {.ops = &ops}, .objects = objects, .file = file, .to = to, .stop = task_stop};
    int r = sl_objects_borrow(objects, &reader->bucket, err);
    r = r < 0 ? r : look(reader, err);
    if (r < 0) {
        sl_range_reader_close(reader);
        return r;
    }
    *ret = reader;
    return 0;
}

struct sl_io *sl_range_reader_io(struct sl_range_reader *reader)
{
    return &reader->io;
}

bool sl_range_reader_error(const struct sl_range_reader *reader, struct sl_error *err)
{
    if (reader->has_failed)
        *err = reader->error;
    return reader->has_failed;
}

void sl_range_reader_close(struct sl_range_reader *reader)
{
    if (reader->bucket)
        sl_objects_give_back(reader->objects, reader->bucket);
    sl_buf_done(&reader->piece);
    free(reader);
}
