#include "ops/cogroup/cogroup_parts.h"

#include "core/base/error.h"
#include "core/base/heap.h"
#include "core/contract/stage.h"
#include "ops/group/aggregate_internal.h"
#include "ops/key/ordered_part.h"
#include "ops/key/sort_keys.h"
#include "ops/reducer/field_vec.h"

enum { ROWS_AT_ONCE = 128 };

/* What one worker takes up. */
struct taking {
    struct sl_cogroup *sides;
    struct sl_task *task;
    struct sl_table *table[2];
    bool is_cut; /* some of the partition's rows are in runs already */
};

static struct taking taking_of(struct sl_cogroup *sides, struct sl_task *task, size_t worker)
{
    return (struct taking){.sides = sides,
                           .task = task,
                           .table = {&sides->side[0].own[worker].table, &sides->side[1].own[worker].table}};
}

/* ---- runs ---- */

static int write_runs(const struct taking *taking, bool is_whole)
{
    const bool *needs = taking->sides->kind->needs;
    int r = 0;
    for (unsigned i = 0; i < 2 && r == 0; i++)
        r = sl_aggregate_sort_table(&taking->sides->side[i], taking->task, NULL, taking->table[i],
                                    is_whole && needs[1 - i] ? taking->table[1 - i] : NULL);
    for (unsigned i = 0; i < 2; i++) {
        sl_table_done(taking->table[i]);
        sl_table_init(taking->table[i], SL_TABLE_SPREAD);
    }
    sl_heap_trim();
    return r;
}

static size_t bytes_of(const struct taking *taking, size_t more)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < 2; i++)
        bytes +=
            sl_table_bytes(taking->table[i], more) + 2 * taking->table[i]->used * sizeof(struct sl_sort_item);
    return bytes;
}

/* ---- rows ---- */

static int append_items(struct sl_table *table, struct sl_group *group, const struct sl_field *list)
{
    struct sl_kept *kept = group->state.pointer;
    for (uint32_t i = 0; i < list->len; i++)
        if (!sl_kept_append_copy(kept, &table->arena, &list->items[i]))
            return SL_ENOMEM;
    return 0;
}

static int take_up_row(const struct taking *taking, struct sl_table *table, uint32_t hash,
                       const struct sl_field *key, const struct sl_field *list)
{
    struct sl_group *group = sl_table_slot(table, hash, key);
    if (list->tag != SL_LIST)
        return sl_error_set(taking->task->err, SL_EFAIL, "a stored list is damaged");
    if (group->key.flags & SL_GROUP_TAKEN)
        return append_items(table, group, list);
    struct sl_kept *kept = sl_arena_calloc(&table->arena, 1, sizeof *kept);
    if (!kept || sl_table_take(table, group, hash, key, 0) < 0)
        return SL_ENOMEM;
    group->key.flags &= (uint8_t)~SL_GROUP_EMPTY;
    group->state.pointer = kept;
    return append_items(table, group, list);
}

/* Rows of one side. */
static int take_up_rows(struct taking *taking, const struct sl_chunk *chunk, uint32_t from, uint32_t to)
{
    struct sl_table *table = taking->table[sl_spilled_side(chunk->column[1][from].integer)];
    const struct sl_field *key = chunk->column[0], *list = chunk->column[2];
    uint32_t hash[ROWS_AT_ONCE];
    int r = sl_table_reserve(table, to - from);
    for (uint32_t i = from; i < to && r == 0; i++) {
        hash[i - from] = (uint32_t)sl_field_hash(&key[i], taking->task->seed);
        sl_table_prefetch(table, hash[i - from]);
    }
    for (uint32_t i = from; i < to && r == 0; i++)
        sl_table_prefetch_group(table, hash[i - from]);
    for (uint32_t i = from; i < to && r == 0; i++)
        r = take_up_row(taking, table, hash[i - from], &key[i], &list[i]);
    return r;
}

/* At most ROWS_AT_ONCE rows of the side that the first is of. */
static uint32_t end_of_side(const struct sl_ordered_rows *rows, uint32_t from)
{
    const struct sl_field *mark = rows->chunk->column[1];
    uint32_t to = from + 1;
    while (to < rows->to && to - from < ROWS_AT_ONCE &&
           sl_spilled_side(mark[to].integer) == sl_spilled_side(mark[from].integer))
        to++;
    return to;
}

static int take_up(struct taking *taking, const struct sl_ordered_rows *rows)
{
    size_t share = taking->sides->piles.spill->bytes;
    int r = 0;
    for (uint32_t from = rows->from, to; from < rows->to && r == 0; from = to) {
        to = end_of_side(rows, from);
        if (bytes_of(taking, ROWS_AT_ONCE) > share) {
            r = write_runs(taking, false);
            taking->is_cut = true;
        }
        r = r < 0 ? r : take_up_rows(taking, rows->chunk, from, to);
    }
    return r;
}

static struct sl_position position_of(const void *arg, const struct sl_chunk *chunk, uint32_t row)
{
    const struct sl_cogroup *sides = arg;
    int64_t mark = chunk->column[1][row].integer;
    return sides->side[sl_spilled_side(mark)].lane[sl_spilled_lane(mark)]->position;
}

/* Whether the next partition, as large as this one, would not fit: taking it up would cut it. */
static bool is_full(const struct taking *taking, size_t before)
{
    size_t share = taking->sides->piles.spill->bytes, bytes = bytes_of(taking, 0);
    return bytes + 2 * (bytes > before ? bytes - before : 0) > share;
}

static int take_up_part(void *arg, size_t part, struct sl_task *task)
{
    struct sl_cogroup *sides = arg;
    struct taking taking = taking_of(sides, task, task->worker);
    struct sl_ordered_part ordered = {
        .parts = &sides->lists.parts, .part = part, .position = position_of, .arg = sides};
    struct sl_ordered_rows rows;
    size_t before = bytes_of(&taking, 0);
    int r = sl_ordered_part_open(&ordered, task->err);
    r = r < 0 ? r : 1;
    while (r > 0 && (r = sl_ordered_part_next(&ordered, &rows, task->err)) > 0) {
        r = take_up(&taking, &rows);
        if (r == 0)
            r = task->stop && atomic_load_explicit(task->stop, memory_order_relaxed) ? SL_ESTOP : 1;
    }
    sl_ordered_part_close(&ordered);
    bool writes = taking.is_cut || is_full(&taking, before);
    return r < 0 || !writes ? r : write_runs(&taking, !taking.is_cut);
}

/* ---- everything ---- */

static int end_writer(void *arg, size_t writer, struct sl_task *task)
{
    struct sl_cogroup *sides = arg;
    for (unsigned i = 0; i < 2; i++)
        sl_table_init(&sides->side[i].own[writer].table,
                      SL_TABLE_SPREAD); /* it is filled in the order of hashes */
    return sl_spilled_parts_end(&sides->lists.parts, writer, task->err);
}

static int write_rest(void *arg, size_t worker, struct sl_task *task)
{
    struct taking taking = taking_of(arg, task, worker);
    return write_runs(&taking, true);
}

int sl_cogroup_sort_parts(struct sl_stage *stage)
{
    struct sl_cogroup *sides = stage->state;
    unsigned workers = sl_pool_workers(stage->pool);
    int r = sl_stage_run(stage, workers, end_writer, sides);
    sl_heap_trim();
    r = r < 0 ? r : sl_stage_run(stage, sl_spilled_parts_count(&sides->lists.parts), take_up_part, sides);
    r = r < 0 ? r : sl_stage_run(stage, workers, write_rest, sides);
    sl_spilled_parts_done(&sides->lists.parts);
    return r;
}
