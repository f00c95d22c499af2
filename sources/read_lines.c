/* "lines": what textFileStream gives. A file that begins with UTF-16's byte order mark is decoded: the partition that
 * begins it has all of its lines. */
#include "sources/read_text.h"
#include "sources/stream.h"
#include "text/decompress.h"

#include <string.h>
#include <unistd.h>

/* What a file begins with is read once: it has the mark, and of a small file all that is read. */
struct head {
    struct sl_io io; /* first: what the part is read with */
    struct sl_io *file_io;
    size_t len;
    uint8_t bytes[4096];
};

static ssize_t read_after_head(struct sl_io *io, int fd, void *buf, size_t size, off_t offset)
{
    const struct head *head = (const struct head *)io;
    if ((uint64_t)offset >= head->len)
        return head->file_io->ops->pread(head->file_io, fd, buf, size, offset);
    size_t left = head->len - (size_t)offset, len = size < left ? size : left;
    memcpy(buf, head->bytes + offset, len);
    return (ssize_t)len;
}

/* Damage is found by those who read on. */
static void read_head(const struct sl_file_part *part, size_t size, struct head *ret)
{
    static const struct sl_io_ops ops = {.pread = read_after_head};
    struct sl_error err = {0};
    size_t len = (uint64_t)part->file->size < size ? (size_t)part->file->size : size;
    ssize_t got = sl_io_read_at(part->io, part->fd, ret->bytes, len, 0, part->file->path, &err);
    ret->io.ops = &ops;
    ret->file_io = part->io;
    ret->len = got < 0 ? 0 : (size_t)got;
}

/* The part that begins it has all of its lines. */
static int read_encoded(const struct sl_file_part *part, enum sl_encoding encoding, struct sl_task *task,
                        struct sl_outlet *out, uint64_t *ret_lines)
{
    struct sl_byte_stream *stream;
    *ret_lines = 0;
    if (part->from > 0)
        return 0;
    int r = sl_text_stream_open(part, encoding, &stream, task->err);
    if (r < 0)
        return r;
    r = sl_text_read_lines(part, stream, task, out, ret_lines);
    sl_text_stream_close(part, encoding, stream);
    return r;
}

static int read_plain(const struct sl_file_part *part, struct sl_task *task, struct sl_outlet *out,
                      uint64_t *ret_lines)
{
    enum { MARK_BYTES = 2 };
    struct head head;
    bool is_begin = part->from == 0;
    read_head(part, is_begin ? sizeof head.bytes : MARK_BYTES, &head);
    enum sl_encoding encoding = sl_text_encoding_of(part, head.bytes, head.len);
    struct sl_file_part begun = *part;
    if (is_begin)
        begun.io = &head.io;
    return encoding == SL_ENCODING_UTF8 ? sl_part_lines(&begun, task, out, ret_lines)
                                        : read_encoded(&begun, encoding, task, out, ret_lines);
}

static int read_lines(const struct sl_file_part *part, struct sl_task *task, struct sl_outlet *out,
                      uint64_t *ret_lines)
{
    return sl_name_is_compressed(part->file->path) ? sl_part_lines(part, task, out, ret_lines)
                                                   : read_plain(part, task, out, ret_lines);
}

const struct sl_reader sl_reader_lines = {
    .name = "lines",
    .summary = "a record per line; takes separator and encoding",
    .cuts = true,
    .read = read_lines,
    .check = sl_text_options_check,
};
