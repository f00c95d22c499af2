#include "sources/stream.h"

#include "core/base/error.h"
#include "core/base/log.h"
#include "text/decompress.h"

#include <stdlib.h>
#include <string.h>

/* ---- bytes ---- */

/* A plain file as it was taken: what was appended since is not read. */
struct plain {
    struct sl_byte_stream stream; /* first */
    const struct sl_file_part *part;
    int64_t at;
};

static ssize_t plain_read(struct sl_byte_stream *stream, void *buf, size_t size, struct sl_error *err)
{
    struct plain *plain = (struct plain *)stream;
    const struct sl_file *file = plain->part->file;
    uint64_t left = (uint64_t)(file->size - plain->at);
    size_t want = left < size ? (size_t)left : size;
    ssize_t got = sl_io_read_at(plain->part->io, plain->part->fd, buf, want, plain->at, file->path, err);
    if (got < 0)
        return got;
    plain->at += got;
    if ((size_t)got < want)
        return sl_error_set(err, SL_EFAIL, "%s: shrank from %lld to %lld bytes while it was read", file->path,
                            (long long)file->size, (long long)plain->at);
    return got;
}

static void plain_close(struct sl_byte_stream *stream)
{
    free(stream);
}

/* Bytes in memory. */
struct given {
    struct sl_byte_stream stream; /* first */
    const struct sl_buf *bytes;
    size_t at;
};

static ssize_t given_read(struct sl_byte_stream *stream, void *buf, size_t size, struct sl_error *err)
{
    struct given *given = (struct given *)stream;
    size_t left = given->bytes->len - given->at, len = left < size ? left : size;
    memcpy(buf, given->bytes->bytes + given->at, len);
    given->at += len;
    return (ssize_t)len;
}

static int open_given(const struct sl_buf *bytes, struct sl_byte_stream **ret, struct sl_error *err)
{
    struct given *given = malloc(sizeof *given);
    if (!given)
        return sl_error_nomem(err);
    *given = (struct given){.stream = {given_read, plain_close}, .bytes = bytes};
    *ret = &given->stream;
    return 0;
}

static bool is_compressed(const struct sl_file_part *part)
{
    return !part->bytes && sl_name_is_compressed(part->file->path);
}

int sl_part_stream_open(const struct sl_file_part *part, struct sl_byte_stream **ret, struct sl_error *err)
{
    if (part->bytes)
        return open_given(part->bytes, ret, err);
    if (is_compressed(part))
        return sl_decompress_open(part->io, part->fd, part->file->path, part->file->size, ret, err);
    struct plain *plain = malloc(sizeof *plain);
    if (!plain)
        return sl_error_nomem(err);
    *plain = (struct plain){.stream = {plain_read, plain_close}, .part = part};
    *ret = &plain->stream;
    return 0;
}

void sl_part_stream_warn(const struct sl_file_part *part, const struct sl_byte_stream *stream)
{
    if (is_compressed(part) && sl_decompress_garbage(stream))
        sl_log(part->source->services->log, SL_LOG_WARNING,
               "%s: what follows the last compressed member is no such member; it is ignored",
               part->file->path);
}

void sl_part_stream_close(const struct sl_file_part *part, struct sl_byte_stream *stream)
{
    if (!stream)
        return;
    sl_part_stream_warn(part, stream);
    stream->close(stream);
}

/* ---- lines ---- */

int sl_part_lines(const struct sl_file_part *part, struct sl_task *task, struct sl_outlet *out,
                  uint64_t *ret_lines)
{
    const struct sl_services *services = part->source->services;
    struct sl_lines lines = {
        .io = part->io,
        .fd = part->fd,
        .path = part->file->path,
        .from = part->from,
        .to = part->to,
        .size = part->file->size,
        .record_bytes_max = services->record_bytes_max,
        .node = part->source->source.node->number,
        .origin = part->origin,
    };
    struct sl_byte_stream *stream;
    if (!is_compressed(part) && !part->bytes)
        return sl_lines_read(&lines, task, out, ret_lines);
    int r = sl_part_stream_open(part, &stream, task->err);
    if (r < 0)
        return r;
    r = sl_lines_read_stream(&lines, stream, task, out, ret_lines);
    sl_part_stream_close(part, stream);
    return r;
}

/* Takes chunks of lines, gives chunks of rows. */
struct line_rows {
    struct sl_outlet outlet; /* first */
    sl_line_splitter *split;
    const struct sl_typed *typed;
    struct sl_task *task;
    unsigned node;
    struct sl_builder rows;
};

static int push_line(struct line_rows *l, const struct sl_chunk *chunk, uint32_t row)
{
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t width = 0;
    int r = l->split(l->typed, l->task, &chunk->column[0][row], fields, &width);
    if (r == SL_EREJECT)
        return sl_task_reject(l->task, l->node, chunk, row);
    return r < 0 || !width ? r : sl_builder_add(&l->rows, fields, width, chunk->line[row]);
}

static int push_lines(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    struct line_rows *l = (struct line_rows *)outlet;
    int r = 0;
    sl_builder_origin(&l->rows, chunk);
    for (uint32_t row = 0; row < chunk->rows && r == 0; row++)
        r = push_line(l, chunk, row);
    return r < 0 ? r : sl_builder_flush(&l->rows);
}

int sl_part_split_lines(const struct sl_file_part *part, sl_line_splitter *split,
                        const struct sl_typed *typed, struct sl_task *task, struct sl_outlet *out,
                        uint64_t *ret_lines)
{
    struct line_rows l = {.outlet = {push_lines},
                          .split = split,
                          .typed = typed,
                          .task = task,
                          .node = part->source->source.node->number};
    sl_builder_init(&l.rows, out);
    int r = sl_part_lines(part, task, &l.outlet, ret_lines);
    sl_builder_done(&l.rows);
    return r;
}
