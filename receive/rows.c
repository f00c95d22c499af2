/* Rows of the frames of a split.
 *
 * Small frames are gathered, so that chunks are not small: a block is the bodies of frames of one kind that follow one
 * another. Rows of a block are slices of it and are pushed before it changes. */
#include "core/base/limits.h"
#include "receive/received.h"
#include "text/newlines.h"
#include "text/row_codec.h"
#include "text/tsv.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 128 << 10, WINDOW_BYTES = 64 << 10, META_PAIRS = 2 };

struct feed {
    struct sl_outlet outlet; /* first: what the builder pushes to */
    const struct sl_received *received;
    struct sl_task *task;
    struct sl_outlet *out;
    const struct sl_origin *origin;
    sl_newlines_fn *newlines;
    struct sl_builder builder;
    struct sl_buf block; /* gathered bodies */
    enum sl_received_frame_kind kind;
    uint64_t number; /* of the next record */
    uint32_t newline[SL_CHUNK_ROWS + SL_NEWLINES_SLACK];
};

/* ---- pushing ---- */

static struct sl_field text(const char *constant)
{
    return sl_string(constant, strlen(constant));
}

/* meta = true: {number=, source=}. */
static int add_meta(struct feed *feed, struct sl_chunk *chunk)
{
    struct sl_field *column = sl_arena_alloc(feed->task->scratch, chunk->rows * sizeof *column);
    struct sl_field *pairs =
        sl_arena_alloc(feed->task->scratch, chunk->rows * 2 * META_PAIRS * sizeof *pairs);
    if (!column || !pairs)
        return sl_error_nomem(feed->task->err);
    for (uint32_t row = 0; row < chunk->rows; row++, pairs += 2 * META_PAIRS) {
        pairs[0] = text("number");
        pairs[1] = sl_integer((int64_t)(feed->origin->first + chunk->line[row]));
        pairs[2] = text("source");
        pairs[3] = text(feed->received->name);
        column[row] = sl_map(pairs, META_PAIRS);
    }
    chunk->column[chunk->width++] = column;
    return 0;
}

static int push(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    struct feed *feed = (struct feed *)outlet;
    struct sl_chunk wider = *chunk;
    if (feed->task->stop && *feed->task->stop)
        return sl_error_set(feed->task->err, SL_ESTOP, "stopped while reading %s", feed->received->name);
    int r = feed->received->has_meta ? add_meta(feed, &wider) : 0;
    return r < 0 ? r : sl_push(feed->out, &wider);
}

static int flush_rows(struct feed *feed)
{
    int r = sl_builder_flush(&feed->builder);
    sl_arena_reset(feed->task->scratch);
    return r;
}

static int add_row(struct feed *feed, const struct sl_field *fields, uint32_t width)
{
    return sl_builder_add(&feed->builder, fields, width, (uint32_t)(feed->number++ - feed->origin->first));
}

static int set_aside(struct feed *feed, struct sl_field record, bool is_whole)
{
    unsigned node = feed->received->source.node->number;
    const struct sl_field *column = &record;
    uint32_t line = (uint32_t)(feed->number++ - feed->origin->first);
    struct sl_chunk chunk = {
        .rows = 1, .width = 1, .origin = feed->origin, .line = &line, .column = {column}};
    return is_whole ? sl_task_reject(feed->task, node, &chunk, 0)
                    : sl_task_reject_cut(feed->task, node, &chunk, 0);
}

static int reject(struct feed *feed, struct sl_field record)
{
    return set_aside(feed, record, true);
}

static int reject_long(struct feed *feed, const uint8_t *record, size_t len)
{
    (void)sl_task_explain(feed->task, "record of more than %llu bytes (maxRecordBytes)",
                          (unsigned long long)feed->received->record_max);
    return set_aside(feed, sl_string(record, len < UINT32_MAX ? len : UINT32_MAX), false);
}

static int add_tsv(struct feed *feed, const uint8_t *record, size_t len)
{
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t width, most = SL_WIDTH_MAX - feed->received->has_meta;
    int r = sl_tsv_split(feed->task->scratch, record, len, fields, most, &width);
    if (r == SL_EREJECT) {
        (void)sl_task_explain(feed->task, "the record has more than %u fields", most);
        return reject(feed, sl_string(record, len));
    }
    return r < 0 ? sl_error_nomem(feed->task->err) : add_row(feed, fields, width);
}

/* The row of one record of text. Before it comes to its fields the builder has room for it. */
static int add_text(struct feed *feed, const uint8_t *record, size_t len)
{
    int r = feed->builder.chunk.rows == SL_CHUNK_ROWS ? flush_rows(feed) : 0;
    if (r < 0)
        return r;
    if (len > feed->received->record_max)
        return reject_long(feed, record, len);
    if (feed->kind == SL_RECEIVED_FRAME_TSV)
        return add_tsv(feed, record, len);
    struct sl_field field = sl_string(record, len);
    return add_row(feed, &field, 1);
}

/* ---- blocks ---- */

static int add_window(struct feed *feed, const uint8_t *bytes, size_t len, size_t *at)
{
    size_t from = *at;
    uint32_t window = len - from < WINDOW_BYTES ? (uint32_t)(len - from) : WINDOW_BYTES;
    uint32_t count = feed->newlines(bytes + from, window, feed->newline, SL_CHUNK_ROWS);
    size_t line = from;
    int r = 0;
    for (uint32_t i = 0; i < count && r == 0; i++) {
        size_t newline = from + feed->newline[i], end = newline;
        if (end > line && bytes[end - 1] == '\r')
            end--;
        r = add_text(feed, bytes + line, end - line);
        line = newline + 1;
    }
    if (count == 0) { /* a line that is longer than the window */
        const uint8_t *newline = memchr(bytes + from, '\n', len - from);
        size_t end = newline ? (size_t)(newline - bytes) : len;
        line = end + 1;
        if (end > from && bytes[end - 1] == '\r')
            end--;
        r = add_text(feed, bytes + from, end - from);
    }
    *at = line;
    return r;
}

static int damaged(const struct feed *feed)
{
    return sl_error_set(feed->task->err, SL_EDAMAGED,
                        "the received log of %s is damaged: record %llu cannot be read", feed->received->name,
                        (unsigned long long)feed->number);
}

static int add_lengths(struct feed *feed, const uint8_t *bytes, size_t len)
{
    int r = 0;
    for (size_t at = 0; at < len && r == 0;) {
        if (len - at < 4)
            return damaged(feed);
        size_t record = (size_t)bytes[at] << 24 | (size_t)bytes[at + 1] << 16 | (size_t)bytes[at + 2] << 8 |
                        bytes[at + 3];
        if (record > len - at - 4)
            return damaged(feed);
        r = add_text(feed, bytes + at + 4, record);
        at += 4 + record;
    }
    return r;
}

static int add_rows(struct feed *feed, const uint8_t *bytes, size_t len)
{
    int r = 0;
    for (size_t at = 0; at < len && r == 0;) {
        struct sl_field fields[SL_ROWCODE_WIDTH_MAX];
        uint32_t width;
        if (feed->builder.chunk.rows == SL_CHUNK_ROWS && (r = flush_rows(feed)) < 0)
            return r;
        size_t begin = at;
        r = sl_row_codec_borrow(bytes, len, &at, feed->task->scratch, fields, &width);
        if (r < 0)
            return r == SL_ENOMEM ? sl_error_nomem(feed->task->err) : damaged(feed);
        if (at - begin > feed->received->record_max) {
            (void)sl_task_explain(feed->task, "record of more than %llu bytes (maxRecordBytes)",
                                  (unsigned long long)feed->received->record_max);
            r = reject(feed, fields[0]);
        } else if (width + feed->received->has_meta > SL_WIDTH_MAX) {
            (void)sl_task_explain(feed->task, "meta: the record has %d fields already", SL_WIDTH_MAX);
            r = reject(feed, fields[0]);
        } else {
            r = add_row(feed, fields, width);
        }
    }
    return r;
}

/* Pushes the rows of a block: nothing of it is kept. */
static int add_block(struct feed *feed, const uint8_t *bytes, size_t len)
{
    int r = 0;
    switch (feed->kind) {
    case SL_RECEIVED_FRAME_LINES:
    case SL_RECEIVED_FRAME_TSV:
        for (size_t at = 0; at < len && r == 0;)
            r = add_window(feed, bytes, len, &at);
        break;
    case SL_RECEIVED_FRAME_LENGTHS:
        r = add_lengths(feed, bytes, len);
        break;
    case SL_RECEIVED_FRAME_ROWS:
        r = add_rows(feed, bytes, len);
        break;
    case SL_RECEIVED_FRAME_OVERLONG:
        r = reject_long(feed, bytes, len);
        break;
    case SL_RECEIVED_FRAME_POSITIONS:
        break;
    }
    return r < 0 ? r : flush_rows(feed);
}

static int flush_block(struct feed *feed)
{
    int r = feed->block.len ? add_block(feed, feed->block.bytes, feed->block.len) : 0;
    sl_buf_clear(&feed->block);
    return r;
}

/* ---- frames ---- */

static int add_frame(void *arg, const struct sl_received_frame *frame, int64_t offset, size_t size)
{
    struct feed *feed = arg;
    bool is_alone = frame->body_len >= BLOCK_BYTES / 2 || frame->kind == SL_RECEIVED_FRAME_OVERLONG;
    int r = 0;
    if (frame->count == 0)
        return 0;
    if (is_alone || frame->kind != feed->kind || feed->block.len + frame->body_len > BLOCK_BYTES)
        r = flush_block(feed);
    if (r < 0)
        return r;
    if (feed->block.len == 0)
        feed->number = frame->first;
    feed->kind = frame->kind;
    if (is_alone)
        return add_block(feed, frame->body, frame->body_len);
    return sl_buf_append(&feed->block, frame->body, frame->body_len) ? 0 : sl_error_nomem(feed->task->err);
}

int sl_received_read(struct sl_source *source, size_t p, struct sl_task *task, struct sl_outlet *out,
                     uint64_t *ret_lines)
{
    const struct sl_received *received = (struct sl_received *)source;
    const struct sl_received_part *part = &received->part[p];
    struct feed *feed = calloc(1, sizeof *feed);
    if (!feed)
        return sl_error_nomem(task->err);
    feed->outlet.push = push;
    feed->received = received;
    feed->task = task;
    feed->out = out;
    feed->origin = &part->origin;
    feed->newlines = sl_newlines_fastest();
    sl_builder_init(&feed->builder, &feed->outlet);
    feed->builder.chunk.origin = &part->origin;
    feed->builder.chunk.line = feed->builder.line;
    int r = sl_received_split_each(&part->split, add_frame, feed, task->err);
    r = r < 0 ? r : flush_block(feed);
    sl_builder_done(&feed->builder);
    sl_buf_done(&feed->block);
    free(feed);
    *ret_lines = 0;
    return r;
}
