#include "ops/state/map_with_state_memory.h"

#include "core/base/error.h"
#include "core/contract/services.h"

int64_t sl_map_with_state_timeout(const struct sl_node *node)
{
    return sl_node_option_integer(node, "timeout", 0);
}

/* What is on disk of the key is not looked for. */
static struct sl_state_entry *find_cell(struct sl_stage *stage, struct sl_state_map *parts,
                                        const struct sl_field *key, struct sl_state_shard **ret)
{
    uint64_t hash = sl_field_hash(key, stage->tasks[0].seed);
    *ret = &parts->part[sl_state_map_number(hash)];
    return sl_state_shard_find(*ret, key, (uint32_t)hash);
}

/* Keys of `initial` count as seen in the first batch. */
static int put_initial(struct sl_stage *stage, struct sl_map_with_state_memory *memory)
{
    struct sl_cursor cursor;
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_state_shard *cells;
    uint32_t width;
    if (!memory->initial)
        return 0;
    sl_cursor_init(&cursor, memory->initial);
    while (sl_cursor_next(&cursor, row, &width)) {
        struct sl_state_entry *cell = find_cell(stage, &memory->parts, &row[0], &cells);
        if (!cell || sl_state_shard_put(cells, cell, &row[1]) < 0 ||
            sl_state_shard_touch(cells, cell, stage->batch_ms, sl_map_with_state_timeout(stage->node) > 0) <
                0)
            return SL_ENOMEM;
    }
    sl_dataset_unref((struct sl_dataset *)memory->initial);
    memory->initial = NULL;
    return 0;
}

/* Where nothing is kept on disk, save is not called: what is dirty is of the batch before. */
static int begin_changes(struct sl_stage *stage, struct sl_map_with_state_memory *memory)
{
    int r = sl_state_map_bound(&memory->parts, stage, sl_map_with_state_timeout(stage->node) > 0);
    if (r < 0)
        return r;
    if (!stage->services->durable)
        sl_state_map_saved(&memory->parts);
    return stage->services->durable ? 0 : sl_state_map_tidy(&memory->parts, stage);
}

int sl_map_with_state_begin(struct sl_stage *stage)
{
    struct sl_map_with_state_memory *memory = stage->memory;
    int r = begin_changes(stage, memory);
    return r < 0 ? r : put_initial(stage, memory);
}

int sl_map_with_state_put_row(struct sl_stage *stage, const struct sl_field *row, uint32_t width,
                              bool is_noted)
{
    struct sl_map_with_state_memory *memory = stage->memory;
    struct sl_state_map *parts = &memory->parts;
    struct sl_state_shard *cells;
    struct sl_state_entry *cell = find_cell(stage, parts, &row[0], &cells);
    if (cell && (cell->exists || width == 1)) { /* a newer row says all of the key, its looks, too */
        int r = sl_state_shard_remove(cells, cell);
        if (r < 0 || width == 1)
            return r;
        cell = find_cell(stage, parts, &row[0], &cells);
    }
    if (!cell)
        return SL_ENOMEM;
    if (width != 3 || row[2].tag != SL_INT)
        return sl_error_set(stage->err, SL_EDAMAGED, "the state of mapWithState is damaged");
    int r = sl_state_shard_put(cells, cell, &row[1]);
    return r < 0 ? r : sl_state_shard_touch(cells, cell, row[2].integer, is_noted);
}
