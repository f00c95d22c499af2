/* "whole": a file as one record of its path and its bytes, unpacked. A file of more than maxRecordBytes is a
 * record error. */
#include "core/base/error.h"
#include "sources/readers.h"
#include "sources/stream.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE_BYTES = 256 << 10 };

struct contents {
    uint8_t *bytes;
    size_t len, capacity, most; /* `most`: read no more than one byte beyond it */
};

static bool grow(struct contents *c)
{
    size_t capacity = c->capacity ? c->capacity * 2 : PIECE_BYTES;
    uint8_t *bigger = realloc(c->bytes, capacity);
    if (!bigger)
        return false;
    c->bytes = bigger;
    c->capacity = capacity;
    return true;
}

static int read_contents(struct sl_byte_stream *stream, struct contents *c, struct sl_error *err)
{
    ssize_t got = 1;
    while (got > 0 && c->len <= c->most) {
        if (c->len == c->capacity && !grow(c))
            return sl_error_nomem(err);
        got = stream->read(stream, c->bytes + c->len, c->capacity - c->len, err);
        if (got < 0)
            return (int)got;
        c->len += (size_t)got;
    }
    return 0;
}

static int push_contents(const struct sl_file_part *part, struct sl_task *task, const struct contents *c,
                         struct sl_outlet *out)
{
    static const uint32_t first_line = 0;
    struct sl_field path = sl_string(part->file->path, strlen(part->file->path));
    struct sl_field bytes = sl_string(c->bytes, c->len);
    struct sl_chunk chunk = {
        .rows = 1, .width = 2, .origin = part->origin, .line = &first_line, .column = {&path, &bytes}};
    sl_arena_reset(task->scratch);
    if (c->len <= c->most)
        return sl_push(out, &chunk);
    (void)sl_task_explain(task, "file of more than %zu bytes (maxRecordBytes)",
                          c->most); /* gives SL_EREJECT */
    return sl_task_reject_cut(task, part->source->source.node->number, &chunk, 0);
}

static int read_whole(const struct sl_file_part *part, struct sl_task *task, struct sl_outlet *out,
                      uint64_t *ret_lines)
{
    uint64_t most = part->source->services->record_bytes_max;
    struct contents c = {.most = most < INT32_MAX ? (size_t)most : INT32_MAX};
    struct sl_byte_stream *stream;
    int r = sl_part_stream_open(part, &stream, task->err);
    if (r < 0)
        return r;
    r = read_contents(stream, &c, task->err);
    sl_part_stream_close(part, stream);
    if (r == 0)
        r = push_contents(part, task, &c, out);
    free(c.bytes);
    *ret_lines = 1;
    return r;
}

const struct sl_reader sl_reader_whole = {
    .name = "whole",
    .summary = "a record per file: its path and its bytes",
    .read = read_whole,
};
