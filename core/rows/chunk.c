#include "core/rows/chunk.h"

#include "core/base/arena.h"
#include "core/base/error.h"

#include <stdlib.h>
#include <string.h>

struct sl_field sl_chunk_value(const struct sl_chunk *chunk, uint32_t row, struct sl_field *items)
{
    sl_assert(chunk->width >= 2);
    if (chunk->width == 2)
        return chunk->column[1][row];
    for (uint32_t c = 1; c < chunk->width; c++)
        items[c - 1] = chunk->column[c][row];
    return sl_list(items, chunk->width - 1);
}

struct sl_field sl_chunk_record(const struct sl_chunk *chunk, uint32_t row, struct sl_field *items)
{
    if (chunk->width == 1)
        return chunk->column[0][row];
    sl_chunk_row(chunk, row, items);
    return sl_list(items, chunk->width);
}

static bool gather_column(struct sl_arena *arena, const struct sl_field *from, const uint16_t *rows,
                          uint32_t count, const struct sl_field **ret)
{
    struct sl_field *column = sl_arena_alloc(arena, count * sizeof *column);
    for (uint32_t i = 0; column && i < count; i++)
        column[i] = from[rows[i]];
    *ret = column;
    return column != NULL;
}

bool sl_chunk_gather(struct sl_arena *arena, const struct sl_chunk *in, const uint16_t *rows, uint32_t count,
                     struct sl_chunk *ret)
{
    *ret = (struct sl_chunk){.rows = count, .width = in->width, .origin = in->origin};
    for (uint32_t c = 0; c < in->width; c++)
        if (!gather_column(arena, in->column[c], rows, count, &ret->column[c]))
            return false;
    uint32_t *line = in->line ? sl_arena_alloc(arena, count * sizeof *line) : NULL;
    int64_t *time = in->time ? sl_arena_alloc(arena, count * sizeof *time) : NULL;
    for (uint32_t i = 0; line && i < count; i++)
        line[i] = in->line[rows[i]];
    for (uint32_t i = 0; time && i < count; i++)
        time[i] = in->time[rows[i]];
    ret->line = line;
    ret->time = time;
    return !in->line == !line && !in->time == !time;
}

void sl_builder_init(struct sl_builder *builder, struct sl_outlet *outlet)
{
    memset(&builder->chunk, 0, sizeof builder->chunk);
    memset(builder->storage, 0, sizeof builder->storage);
    builder->outlet = outlet;
    builder->columns = 0;
    builder->stamped = 0;
}

void sl_builder_done(struct sl_builder *builder)
{
    for (uint32_t c = 0; c < builder->columns; c++)
        free(builder->storage[c]);
    builder->columns = 0;
}

int sl_builder_flush(struct sl_builder *builder)
{
    if (!builder->chunk.rows)
        return 0;
    for (uint32_t c = 0; c < builder->chunk.width; c++)
        builder->chunk.column[c] = builder->storage[c];
    if (builder->chunk.time)
        sl_builder_stamp(builder);
    int r = builder->outlet->push(builder->outlet, &builder->chunk);
    builder->chunk.rows = builder->stamped = 0;
    return r;
}

int sl_builder_room_slow(struct sl_builder *builder, uint32_t width)
{
    sl_assert(width >= 1 && width <= SL_WIDTH_MAX);
    int r = sl_builder_flush(builder);
    if (r < 0)
        return r;
    for (; builder->columns < width; builder->columns++) {
        builder->storage[builder->columns] = malloc(SL_CHUNK_ROWS * sizeof(struct sl_field));
        if (!builder->storage[builder->columns])
            return SL_ENOMEM;
    }
    builder->chunk.width = width;
    return 0;
}
