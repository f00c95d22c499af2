/* mapWithState in several processes (struct sl_sharded): each calls the function for the records of its keys. A record has its
 * number among those of all processes: math.random and the order of dead letters depend on it, and the rows that the function
 * returns are merged by it. Rows of keys that time out follow, in the order of keys. */
#include "core/base/array.h"
#include "core/base/error.h"
#include "core/contract/stage.h"
#include "ops/state/map_with_state_memory.h"

#include <stdlib.h>
#include <string.h>

void sl_map_with_state_batch_done(struct sl_stage *stage)
{
    struct sl_map_with_state_batch *batch = stage->state;
    free(batch->number);
    sl_collect_end(stage);
}

/* ---- records ---- */

static enum sl_result_order order(const struct sl_node *node)
{
    return SL_RESULT_SORTED_UP;
}

static int emit_chunk(const struct sl_chunk *chunk, int64_t first, sl_partial_row *row, void *arg)
{
    struct sl_field record[SL_WIDTH_MAX];
    int r = 0;
    for (uint32_t i = 0; i < chunk->rows && r == 0; i++) {
        sl_chunk_row(chunk, i, record);
        const struct sl_field out[SL_PARTIAL_FIELDS] = {record[0], sl_integer(first + i),
                                                        sl_list(record + 1, chunk->width - 1)};
        r = row(arg, out);
    }
    return r;
}

static int emit(struct sl_stage *stage, struct sl_lane *lane, sl_partial_row *row, void *arg)
{
    const struct sl_rows *rows = sl_collect_rows(lane);
    int64_t first = 0;
    int r = 0;
    for (size_t i = 0; i < rows->chunks && r == 0; i++) {
        r = emit_chunk(rows->chunk[i], first, row, arg);
        first += rows->chunk[i]->rows;
    }
    return r;
}

static int add_number(struct sl_map_with_state_batch *batch, uint64_t number)
{
    uint64_t *grown = sl_array_grow(batch->number, batch->numbers, &batch->capacity, sizeof *grown);
    if (!grown)
        return SL_ENOMEM;
    batch->number = grown;
    batch->number[batch->numbers++] = number;
    return 0;
}

static int absorb(struct sl_stage *stage, struct sl_lane *lane, const struct sl_field row[SL_PARTIAL_FIELDS])
{
    const struct sl_field *others = &row[2];
    struct sl_field record[SL_WIDTH_MAX];
    struct sl_chunk one = {.rows = 1};
    if (row[1].tag != SL_INT || row[1].integer < 0 || others->tag != SL_LIST || !others->len ||
        others->len >= SL_WIDTH_MAX)
        return sl_error_set(lane->task->err, SL_EDAMAGED, "a partial result is damaged");
    record[0] = row[0];
    memcpy(record + 1, others->items, others->len * sizeof *record);
    one.width = 1 + others->len;
    for (uint32_t c = 0; c < one.width; c++)
        one.column[c] = &record[c];
    int r = add_number(stage->state, lane->first_row + (uint64_t)row[1].integer);
    return r < 0 ? r : sl_collect_push(stage, lane, &one);
}

const struct sl_partial sl_map_with_state_partial = {.order = order, .emit = emit, .absorb = absorb};

/* ---- where all of the state is ---- */

static int keep_cell(void *arg, const struct sl_stored_cell *cell)
{
    struct sl_rows *rows = arg;
    struct sl_field row[3] = {{0}, {0}, sl_integer(cell->seen_ms)};
    if (!sl_field_copy(&rows->arena, &cell->key, &row[0]) ||
        !sl_field_copy(&rows->arena, &cell->value, &row[1]))
        return SL_ENOMEM;
    return sl_rows_append_row(rows, row, 3);
}

static int all(struct sl_stage *stage, struct sl_dataset **ret)
{
    const struct sl_map_with_state_memory *memory = stage->memory;
    struct sl_rows *rows = sl_rows_new();
    int r = rows ? sl_state_map_each(&memory->parts, stage, keep_cell, rows) : SL_ENOMEM;
    if (r == 0 && (*ret = sl_dataset_of(rows)))
        return 0;
    sl_rows_unref(rows);
    return r < 0 ? r : SL_ENOMEM;
}

static int change(struct sl_stage *stage, const struct sl_dataset *rows)
{
    struct sl_map_with_state_batch *batch = stage->state;
    struct sl_arena block SL_CLEANUP(sl_arena_done) = {0};
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    int r = 0;
    sl_cursor_pass(&cursor, rows, &block);
    while (r == 0 && sl_cursor_next(&cursor, row, &width)) {
        r = sl_map_with_state_put_row(stage, row, width, sl_map_with_state_timeout(stage->node) > 0);
        batch->has_changes = true;
    }
    return r;
}

/* Keys that timed out were removed with what changed: their notes are dropped. */
static int drop_notes(struct sl_stage *stage, struct sl_map_with_state_memory *memory)
{
    struct sl_cell_list idle SL_CLEANUP(sl_cell_list_done) = {0};
    int64_t timeout_ms = sl_map_with_state_timeout(stage->node);
    if (!timeout_ms)
        return 0;
    int r = sl_state_map_take_idle(&memory->parts, stage, stage->batch_ms - timeout_ms, &idle);
    return r == 0 && idle.count
               ? sl_error_set(stage->err, SL_EFAIL, "a key timed out for which no function was called")
               : r;
}

static int revise(struct sl_stage *stage, struct sl_dataset **ret)
{
    const struct sl_map_with_state_batch *batch = stage->state;
    struct sl_map_with_state_memory *memory = stage->memory;
    (void)ret; /* what was merged is the result */
    stage->said = stage->said || batch->has_changes;
    int r = drop_notes(stage, memory);
    return r < 0 ? r : sl_state_map_sort_changed(&memory->parts, stage);
}

const struct sl_sharded sl_map_with_state_sharded = {
    .of_records = true, .begin = sl_map_with_state_begin, .all = all, .change = change, .revise = revise};
