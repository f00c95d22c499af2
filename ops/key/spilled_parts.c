#include "ops/key/spilled_parts.h"

#include "core/base/array.h"
#include "core/base/error.h"
#include "core/base/limits.h"
#include "text/row_codec.h"

#include <stdlib.h>

enum {
    PARTS_LOG2_MIN = 4,
    PARTS_LOG2_MAX = 6,
    BUFFER_BYTES_MIN = 4 << 10, /* worth a block */
    BUFFER_BYTES_MAX = 64 << 10,
};

/* Rows of one partition and width that are not written yet. */
struct sl_spilled_part {
    struct sl_buf rows;
    uint32_t count, width;
    struct sl_position first, last;
    uint32_t path_min, path_max;
};

struct sl_spilled_parts_writer {
    struct sl_spill_file *file;           /* NULL until needed */
    struct sl_spilled_part *part;         /* [parts] */
    struct sl_spilled_parts_block *block; /* [blocks] of the run */
    size_t blocks, capacity;
    struct sl_stored *run; /* when it has ended; NULL: nothing was written */
};

static void choose_sizes(struct sl_spilled_parts *parts)
{
    size_t buffers = parts->spill->bytes / 4;
    parts->parts_log2 = PARTS_LOG2_MIN;
    while (parts->parts_log2 < PARTS_LOG2_MAX && buffers >> (parts->parts_log2 + 1) >= BUFFER_BYTES_MIN)
        parts->parts_log2++;
    size_t each = buffers >> parts->parts_log2;
    parts->buffer_bytes = each > BUFFER_BYTES_MAX ? BUFFER_BYTES_MAX : each;
}

int sl_spilled_parts_init(struct sl_spilled_parts *parts, struct sl_spill *spill, size_t writers)
{
    *parts = (struct sl_spilled_parts){.spill = spill, .writers = writers};
    choose_sizes(parts);
    parts->writer = calloc(writers, sizeof *parts->writer);
    for (size_t w = 0; parts->writer && w < writers; w++) {
        parts->writer[w].part = calloc(sl_spilled_parts_count(parts), sizeof *parts->writer->part);
        if (!parts->writer[w].part)
            return SL_ENOMEM;
    }
    return parts->writer ? 0 : SL_ENOMEM;
}

static void drop_buffers(const struct sl_spilled_parts *parts, struct sl_spilled_parts_writer *writer)
{
    for (size_t p = 0; writer->part && p < sl_spilled_parts_count(parts); p++)
        sl_buf_done(&writer->part[p].rows);
    free(writer->part);
    writer->part = NULL;
    parts->spill->ops->close(writer->file);
    writer->file = NULL;
}

void sl_spilled_parts_done(struct sl_spilled_parts *parts)
{
    for (size_t w = 0; parts->writer && w < parts->writers; w++) {
        drop_buffers(parts, &parts->writer[w]);
        parts->spill->ops->free(parts->writer[w].run);
        free(parts->writer[w].block);
    }
    free(parts->writer);
    *parts = (struct sl_spilled_parts){0};
}

/* ---- writing ---- */

static bool note_block(struct sl_spilled_parts_writer *writer, size_t part)
{
    struct sl_spilled_parts_block *block =
        sl_array_grow(writer->block, writer->blocks, &writer->capacity, sizeof *block);
    if (!block)
        return false;
    writer->block = block;
    const struct sl_spilled_part *rows = &writer->part[part];
    block[writer->blocks++] = (struct sl_spilled_parts_block){.first = rows->first,
                                                              .last = rows->last,
                                                              .path_min = rows->path_min,
                                                              .path_max = rows->path_max,
                                                              .part = (uint8_t)part};
    return true;
}

static int write_part(const struct sl_spilled_parts *parts, struct sl_spilled_parts_writer *writer, size_t p,
                      struct sl_error *err)
{
    const struct sl_spill_ops *ops = parts->spill->ops;
    struct sl_spilled_part *part = &writer->part[p];
    int r = writer->file ? 0 : ops->open(parts->spill, &writer->file, err);
    if (r == 0 && !note_block(writer, p))
        r = sl_error_nomem(err);
    if (r == 0)
        r = ops->block(writer->file, part->rows.bytes, part->rows.len, part->count, err);
    sl_buf_clear(&part->rows);
    part->count = 0;
    if (part->rows.capacity > 2 * parts->buffer_bytes) /* a large row's */
        sl_buf_done(&part->rows);
    return r;
}

/* Whether the row may follow those in the buffer. */
static bool goes_on(const struct sl_spilled_part *part, const struct sl_position *position, uint32_t width)
{
    struct sl_position place = position ? sl_position_in_path(position) : part->last;
    return part->width == width && sl_position_compare(&part->last, &place) <= 0;
}

static void note_position(struct sl_spilled_part *part, const struct sl_position *position)
{
    struct sl_position place = sl_position_in_path(position);
    bool is_first = !part->count;
    part->last = place;
    part->first = is_first ? place : part->first;
    part->path_min = is_first || position->path < part->path_min ? position->path : part->path_min;
    part->path_max = is_first || position->path > part->path_max ? position->path : part->path_max;
}

int sl_spilled_parts_add(struct sl_spilled_parts *parts, size_t writer, uint32_t hash,
                         const struct sl_position *position, const struct sl_field *row, uint32_t width,
                         struct sl_error *err)
{
    size_t p = hash >> (32 - parts->parts_log2);
    struct sl_spilled_part *part = &parts->writer[writer].part[p];
    int r = part->count && !goes_on(part, position, width) ? write_part(parts, &parts->writer[writer], p, err)
                                                           : 0;
    if (r < 0)
        return r;
    if (!part->rows.capacity && !sl_buf_reserve(&part->rows, parts->buffer_bytes + parts->buffer_bytes / 8))
        return sl_error_nomem(err);
    if (!sl_row_codec_append(&part->rows, row, width))
        return sl_error_nomem(err);
    if (position)
        note_position(part, position);
    part->width = width;
    part->count++;
    bool full = part->count == SL_CHUNK_ROWS || part->rows.len >= parts->buffer_bytes;
    return full ? write_part(parts, &parts->writer[writer], p, err) : 0;
}

int sl_spilled_parts_end(struct sl_spilled_parts *parts, size_t number, struct sl_error *err)
{
    struct sl_spilled_parts_writer *writer = &parts->writer[number];
    int r = 0;
    for (size_t p = 0; p < sl_spilled_parts_count(parts) && r == 0; p++)
        if (writer->part[p].count)
            r = write_part(parts, writer, p, err);
    if (r == 0 && writer->file)
        r = parts->spill->ops->end(writer->file, &writer->run, err);
    drop_buffers(parts, writer);
    return r;
}

/* ---- reading ---- */

/* Puts *at on the partition's next block; false: there is none. */
static bool find_block(const struct sl_spilled_parts *parts, size_t part, struct sl_spilled_parts_at *at)
{
    for (; at->writer < parts->writers; at->writer++, at->block = 0) {
        const struct sl_spilled_parts_writer *writer = &parts->writer[at->writer];
        while (at->block < writer->blocks && writer->block[at->block].part != part)
            at->block++;
        if (at->block < writer->blocks)
            return true;
    }
    return false;
}

const struct sl_spilled_parts_block *sl_spilled_parts_blocks(const struct sl_spilled_parts *parts,
                                                             size_t writer, size_t *ret_count)
{
    *ret_count = parts->writer[writer].blocks;
    return parts->writer[writer].block;
}

int sl_spilled_parts_load_block(const struct sl_spilled_parts *parts, size_t writer, size_t block,
                                struct sl_arena *arena, struct sl_chunk **ret, struct sl_error *err)
{
    const struct sl_stored *run = parts->writer[writer].run;
    sl_assert(run->blocks == parts->writer[writer].blocks);
    return parts->spill->ops->load(run, block, arena, ret, err);
}

int sl_spilled_parts_load(const struct sl_spilled_parts *parts, size_t part, struct sl_spilled_parts_at *at,
                          struct sl_arena *arena, struct sl_chunk **ret, struct sl_error *err)
{
    if (!find_block(parts, part, at))
        return 0;
    int r = sl_spilled_parts_load_block(parts, at->writer, at->block++, arena, ret, err);
    return r < 0 ? r : 1;
}
