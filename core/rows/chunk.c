#include "core/rows/chunk.h"

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

void sl_builder_init(struct sl_builder *builder, struct sl_outlet *outlet)
{
    memset(&builder->chunk, 0, sizeof builder->chunk);
    memset(builder->storage, 0, sizeof builder->storage);
    builder->outlet = outlet;
    builder->columns = 0;
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
    int r = builder->outlet->push(builder->outlet, &builder->chunk);
    builder->chunk.rows = 0;
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
