/* Groups of exact reducers that do not fit into memory, by hash partition.
 *
 * A worker's table that has its share is dealt: its groups are encoded, unsorted, into the buffers of their
 * partitions (ops/key/spilled_parts.h), and the table begins anew. Where a full table had hardly more rows than
 * groups, it is of no use for the rows that follow: they are dealt one by one, each as a group of one record, and
 * after a while the table is tried again.
 *
 * At the finish a worker reads a partition, combines its groups in its table, and continues with the next one
 * until the table has about half of its share; then the table becomes a sorted run, whose keys no other run has.
 * So a key is in memory once when it is sorted, and what is merged (ops/group/aggregate_merge.c) are as many rows
 * as there are keys. A partition that is too large becomes several runs: only then the merge has something to combine. */
#include "core/base/error.h"
#include "core/base/heap.h"
#include "core/contract/stage.h"
#include "ops/group/aggregate_internal.h"
#include "ops/key/failed_group.h"
#include "ops/key/pair_key.h"
#include "ops/key/sort_keys.h"

#include <stdlib.h>

enum {
    ROWS_PER_GROUP_MIN = 2, /* else the table is of no use */
    TABLES_WITHOUT = 8,     /* as many rows as this number of tables has groups are dealt one by one */
};

struct sl_aggregate_pace {
    bool has_dealt;
    uint64_t rows;   /* that the table took since it was empty */
    uint64_t direct; /* rows that still pass it by */
};

int sl_aggregate_parts_init(struct sl_aggregate *aggregate)
{
    unsigned workers = sl_pool_workers(aggregate->stage->pool);
    if (!aggregate->runs.spill || !aggregate->reducer->ops->exact)
        return 0;
    aggregate->pace = calloc(workers, sizeof *aggregate->pace);
    return aggregate->pace ? sl_spilled_parts_init(&aggregate->dealt, aggregate->runs.spill, workers)
                           : SL_ENOMEM;
}

void sl_aggregate_parts_done(struct sl_aggregate *aggregate)
{
    sl_spilled_parts_done(&aggregate->dealt);
    free(aggregate->pace);
    aggregate->pace = NULL;
}

bool sl_aggregate_has_dealt(const struct sl_aggregate *aggregate)
{
    bool dealt = false;
    for (size_t w = 0; w < aggregate->dealt.writers; w++)
        dealt |= aggregate->pace[w].has_dealt;
    return dealt;
}

/* ---- groups to disk ---- */

static int deal_group(struct sl_aggregate *aggregate, struct sl_task *task, size_t writer,
                      const struct sl_group *group)
{
    struct sl_field row[SL_SPILLED_FIELDS];
    int r = sl_aggregate_group_row(aggregate, aggregate->reducer, SL_SPILLED_STATE, task, group, group->first,
                                   row);
    return r < 0 ? r
                 : sl_spilled_parts_add(&aggregate->dealt, writer, group->hash, NULL, row, SL_SPILLED_FIELDS,
                                        task->err);
}

static int deal_table(struct sl_aggregate *aggregate, struct sl_task *task, size_t writer,
                      struct sl_table *table)
{
    uint64_t at = UINT64_MAX;
    int r = 0;
    for (const struct sl_group *group; r == 0 && (group = sl_table_next(table, 0, 1, &at));) {
        struct sl_arena_mark mark = sl_arena_mark(task->scratch);
        r = deal_group(aggregate, task, writer, group);
        sl_arena_release(task->scratch, mark);
    }
    sl_table_done(table);
    sl_table_init(table, 1);
    aggregate->pace[writer].has_dealt = true;
    return r;
}

/* Buffers take the last quarter of the share. */
int sl_aggregate_deal_if_large(struct sl_aggregate *aggregate, struct sl_task *task, struct sl_table *table,
                               size_t more)
{
    struct sl_aggregate_pace *pace = &aggregate->pace[task->worker];
    uint64_t rows = pace->rows, groups = table->used;
    pace->rows += more;
    if (!groups || sl_table_bytes(table, more) <= aggregate->dealt.spill->bytes / 4 * 3)
        return 0;
    pace->rows = more;
    pace->direct = rows < ROWS_PER_GROUP_MIN * groups ? TABLES_WITHOUT * groups : 0;
    return deal_table(aggregate, task, task->worker, table);
}

/* ---- rows to disk ---- */

bool sl_aggregate_deals_rows(struct sl_aggregate *aggregate, const struct sl_task *task, uint32_t rows)
{
    struct sl_aggregate_pace *pace = aggregate->pace ? &aggregate->pace[task->worker] : NULL;
    if (!pace || !pace->direct)
        return false;
    pace->direct -= pace->direct < rows ? pace->direct : rows;
    return true;
}

/* The row's value as the state of a group that is empty so far. */
static int create_group(const struct sl_aggregate *aggregate, const struct sl_lane *lane,
                        const struct sl_chunk *in, uint32_t i, const struct sl_field *value,
                        struct sl_group *group)
{
    const struct sl_reducer *reducer = aggregate->reducer;
    const struct sl_chunk *shown = lane->shown ? lane->shown : in;
    struct sl_task *task = lane->task;
    struct sl_field items[SL_WIDTH_MAX];
    int r = reducer->ops->create(reducer, task, task->scratch, value, &group->state);
    if (r == 0)
        group->key.flags &= (uint8_t)~SL_GROUP_EMPTY;
    if (r == SL_EREJECT)
        return sl_task_reject(task, aggregate->stage->node->number, shown, i);
    if (r != SL_EGROUP)
        return r;
    struct sl_field record = sl_chunk_record(shown, i, items);
    return sl_group_fail(group, task, task->scratch, &record, 1);
}

static int deal_row(struct sl_aggregate *aggregate, struct sl_lane *lane, const struct sl_chunk *in,
                    uint32_t i, const struct sl_pairs *pairs)
{
    const struct sl_field *key = &pairs->key[i];
    const struct sl_node *node = aggregate->stage->node;
    struct sl_task *task = lane->task;
    if (key->tag != SL_STR && sl_key_check(node, task, key) < 0)
        return sl_task_reject(task, node->number, in, i);
    struct sl_group group = {.hash = (uint32_t)sl_field_hash(key, task->seed),
                             .first = ((struct sl_aggregate_lane *)lane->state)->number,
                             .key = *key};
    group.key.flags = (key->flags & SL_FIELD_ROW) | SL_GROUP_TAKEN | SL_GROUP_EMPTY;
    struct sl_arena_mark mark = sl_arena_mark(task->scratch);
    int r = create_group(aggregate, lane, in, i, &pairs->value[i], &group);
    r = r < 0 ? r : deal_group(aggregate, task, task->worker, &group);
    sl_arena_release(task->scratch, mark);
    return r;
}

int sl_aggregate_deal_rows(struct sl_aggregate *aggregate, struct sl_lane *lane, const struct sl_chunk *in,
                           const struct sl_pairs *pairs)
{
    int r = 0;
    for (uint32_t i = 0; i < in->rows && r == 0; i++)
        r = deal_row(aggregate, lane, in, i, pairs);
    return r;
}

/* ---- from partitions to sorted runs ---- */

/* A worker's last groups; they come after what the worker has dealt, whichever thread deals them. */
static int deal_rest(void *arg, size_t worker, struct sl_task *task)
{
    struct sl_aggregate *aggregate = arg;
    struct sl_table *table = &aggregate->own[worker].table;
    int r = deal_table(aggregate, task, worker, table);
    r = r < 0 ? r : sl_spilled_parts_end(&aggregate->dealt, worker, task->err);
    sl_table_init(table, SL_TABLE_SPREAD); /* it is filled in the order of hashes */
    return r;
}

static int take_up_row(struct sl_aggregate *aggregate, struct sl_task *task, struct sl_table *table,
                       uint32_t hash, const struct sl_field row[SL_SPILLED_FIELDS])
{
    struct sl_group from, *group = sl_table_slot(table, hash, &row[0]);
    int r = sl_aggregate_read_group(aggregate, task, &table->arena, row, &from);
    if (r < 0)
        return r;
    if (group->key.flags & SL_GROUP_TAKEN)
        return sl_aggregate_combine_groups(aggregate, task, &table->arena, group, &from);
    if (sl_table_take(table, group, hash, &row[0], from.first) < 0)
        return SL_ENOMEM;
    group->key.flags = from.key.flags;
    group->state = from.state;
    return 0;
}

enum { ROWS_AT_ONCE = 128 };

static int take_up_rows(struct sl_aggregate *aggregate, struct sl_task *task, struct sl_table *table,
                        const struct sl_chunk *chunk, uint32_t from, uint32_t to)
{
    const struct sl_field *key = chunk->column[0];
    uint32_t hash[ROWS_AT_ONCE];
    int r = 0;
    for (uint32_t i = from; i < to; i++) {
        hash[i - from] = (uint32_t)sl_field_hash(&key[i], task->seed);
        sl_table_prefetch(table, hash[i - from]);
    }
    for (uint32_t i = from; i < to; i++)
        sl_table_prefetch_group(table, hash[i - from]);
    for (uint32_t i = from; i < to && r == 0; i++) {
        const struct sl_field row[SL_SPILLED_FIELDS] = {key[i], chunk->column[1][i], chunk->column[2][i]};
        r = take_up_row(aggregate, task, table, hash[i - from], row);
    }
    return r;
}

static int take_up_chunk(struct sl_aggregate *aggregate, struct sl_task *task, struct sl_table *table,
                         const struct sl_chunk *chunk)
{
    sl_assert(chunk->width == SL_SPILLED_FIELDS);
    int r = sl_aggregate_make_run_room(aggregate, task, table, chunk->rows);
    r = r < 0 ? r : sl_table_reserve(table, chunk->rows);
    for (uint32_t from = 0; from < chunk->rows && r == 0; from += ROWS_AT_ONCE)
        r = take_up_rows(aggregate, task, table, chunk, from,
                         chunk->rows - from < ROWS_AT_ONCE ? chunk->rows : from + ROWS_AT_ONCE);
    return r;
}

static int take_up_part(void *arg, size_t part, struct sl_task *task)
{
    struct sl_aggregate *aggregate = arg;
    struct sl_table *table = &aggregate->own[task->worker].table;
    struct sl_spilled_parts_at at = {0};
    struct sl_arena block = {0};
    struct sl_chunk *chunk;
    int r;
    while ((r = sl_spilled_parts_load(&aggregate->dealt, part, &at, &block, &chunk, task->err)) > 0) {
        sl_arena_reset(task->scratch);
        r = take_up_chunk(aggregate, task, table, chunk);
        if (r == 0 && task->stop && atomic_load_explicit(task->stop, memory_order_relaxed))
            r = SL_ESTOP;
        if (r < 0)
            break;
        sl_arena_reset(&block);
    }
    sl_arena_done(&block);
    bool is_half_full = sl_table_bytes(table, 0) > aggregate->runs.spill->bytes / 2;
    return r < 0 || !is_half_full ? r : sl_aggregate_make_run(aggregate, task, NULL, table);
}

static int sort_rest(void *arg, size_t worker, struct sl_task *task)
{
    struct sl_aggregate *aggregate = arg;
    return sl_aggregate_make_run(aggregate, task, NULL, &aggregate->own[worker].table);
}

int sl_aggregate_sort_parts(struct sl_aggregate *aggregate)
{
    struct sl_stage *stage = aggregate->stage;
    unsigned workers = sl_pool_workers(stage->pool);
    int r = sl_stage_run(stage, workers, deal_rest, aggregate);
    sl_heap_trim();
    r = r < 0 ? r : sl_stage_run(stage, sl_spilled_parts_count(&aggregate->dealt), take_up_part, aggregate);
    r = r < 0 ? r : sl_stage_run(stage, workers, sort_rest, aggregate);
    sl_aggregate_parts_done(aggregate);
    return r;
}
