/* Groups that do not fit into memory: tables become sorted runs on disk (ops/group/aggregate_run.c), from which
 * ops/group/aggregate_merge.c makes the rows.
 *
 * Where the reducer is exact, groups are dealt to hash partitions first (ops/group/aggregate_parts.c), and what is
 * sorted are partitions, or where two streams meet a worker's table whenever it has its share. Where it is not, what
 * is combined with what must be the same as without a limit: a lane on its own, then the lanes from left to right. So
 * once the lanes that ended hold too much, those that end after them go to disk one by one. A lane that is too large
 * by itself goes there as far as it is, and from then on keeps no states but lists of its values, which are merged
 * into the state later, in their order. */
#include "core/rows/spill.h"
#include "ops/group/aggregate_internal.h"

enum { GROUP_BYTES = 200 }; /* what finishing takes for a group beside the tables: entries, items, rows */

/* ---- how much is too much ---- */

int sl_aggregate_make_room(struct sl_aggregate *aggregate, struct sl_task *task,
                           struct sl_aggregate_lane *lane, struct sl_table *table, size_t more)
{
    if (sl_spilled_parts_is_open(&aggregate->dealt))
        return sl_aggregate_deal_if_large(aggregate, task, table, more);
    /* One half is for lanes that are read, the other for those that ended. */
    size_t share =
        aggregate->reducer->ops->exact ? aggregate->runs.spill->bytes : aggregate->runs.spill->bytes / 2;
    if (sl_aggregate_table_has_room(table, more, share))
        return 0;
    int r = sl_aggregate_spill_table(aggregate, task, lane, table);
    lane->keeps_values = !aggregate->reducer->ops->exact;
    return r;
}

bool sl_aggregate_must_spill(struct sl_aggregate *aggregate, const struct sl_aggregate_lane *lane)
{
    size_t bytes = sl_table_bytes(&lane->table, 0);
    size_t held = atomic_fetch_add_explicit(&aggregate->held, bytes, memory_order_relaxed) + bytes;
    if (!lane->runs && held <= sl_spilled_runs_bytes(&aggregate->runs) / 2)
        return false;
    atomic_fetch_sub_explicit(&aggregate->held, bytes, memory_order_relaxed);
    return true;
}

bool sl_aggregate_is_large(const struct sl_aggregate *aggregate)
{
    size_t bytes = 0, groups = 0;
    if (!aggregate->runs.spill || aggregate->runs.count || sl_aggregate_has_dealt(aggregate) ||
        sl_aggregate_deals_lists(aggregate))
        return aggregate->runs.spill != NULL;
    for (unsigned w = 0; w < sl_pool_workers(aggregate->stage->pool); w++) {
        bytes += sl_table_bytes(&aggregate->own[w].table, 0);
        groups += aggregate->own[w].table.used;
    }
    for (size_t i = 0; i < aggregate->lanes; i++) {
        bytes += sl_table_bytes(&aggregate->lane[i]->table, 0);
        groups += aggregate->lane[i]->table.used;
    }
    for (size_t i = 0; i < aggregate->paths; i++) {
        const struct sl_aggregate_part *part = aggregate->path[i].part;
        for (unsigned p = 0; part && p < aggregate->parts; p++) {
            bytes += sl_table_bytes(&part[p].table, 0);
            groups += part[p].table.used;
        }
    }
    return bytes + groups * GROUP_BYTES > sl_spilled_runs_bytes(&aggregate->runs);
}

int sl_aggregate_spill_table(struct sl_aggregate *aggregate, struct sl_task *task,
                             struct sl_aggregate_lane *lane, struct sl_table *table)
{
    if (aggregate->lists)
        return sl_aggregate_deal_lists(aggregate, task, lane, table);
    return sl_aggregate_make_run(aggregate, task, aggregate->reducer->ops->exact ? NULL : lane, table);
}
