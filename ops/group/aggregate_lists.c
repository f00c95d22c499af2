/* Lists of values that do not fit into memory, by hash partition: for two streams that meet by key (ops/cogroup/), which
 * share the partitions. A table that holds too much is dealt; from then on all rows are, each as a list of one value.
 * Rows are dealt with the positions of their lanes, in whose order they are read again. */
#include "core/base/error.h"
#include "core/base/heap.h"
#include "ops/group/aggregate_internal.h"
#include "ops/key/pair_key.h"
#include "ops/reducer/field_vec.h"

enum { LIST_BYTES = 64 << 10 };

bool sl_aggregate_deals_lists(const struct sl_aggregate *aggregate)
{
    return aggregate->lists && atomic_load_explicit(&aggregate->lists->is_used, memory_order_relaxed);
}

static int deal_list(struct sl_aggregate *aggregate, struct sl_task *task,
                     const struct sl_aggregate_lane *lane, uint32_t hash, const struct sl_field *key,
                     struct sl_field list)
{
    struct sl_field row[SL_SPILLED_FIELDS] = {
        *key, sl_integer(sl_spilled_mark(lane->number, aggregate->input, SL_SPILLED_VALUES)), list};
    row[0].flags &= SL_FIELD_ROW;
    return sl_spilled_parts_add(&aggregate->lists->parts, task->worker, hash, &lane->position, row,
                                SL_SPILLED_FIELDS, task->err);
}

/* A long list is several rows: a reader holds blocks of them in memory. */
static int deal_group(struct sl_aggregate *aggregate, struct sl_task *task,
                      const struct sl_aggregate_lane *lane, const struct sl_group *group)
{
    const struct sl_kept *kept = group->state.pointer;
    int r = 0;
    for (uint32_t from = 0, to = 0; r == 0 && from < kept->count; from = to) {
        for (size_t bytes = 0; to < kept->count && bytes < LIST_BYTES; to++)
            bytes += sl_spilled_bytes_of(&kept->item[to]);
        r = deal_list(aggregate, task, lane, group->hash, &group->key, sl_list(kept->item + from, to - from));
    }
    return r;
}

int sl_aggregate_deal_lists(struct sl_aggregate *aggregate, struct sl_task *task,
                            const struct sl_aggregate_lane *lane, struct sl_table *table)
{
    uint64_t at = UINT64_MAX;
    int r = 0;
    atomic_store_explicit(&aggregate->lists->is_used, true, memory_order_relaxed);
    for (const struct sl_group *group; r == 0 && (group = sl_table_next(table, 0, 1, &at));)
        if (!(group->key.flags & SL_GROUP_EMPTY))
            r = deal_group(aggregate, task, lane, group);
    sl_table_done(table);
    sl_table_init(table, 1);
    return r;
}

int sl_aggregate_deal_values(struct sl_aggregate *aggregate, struct sl_lane *lane, const struct sl_chunk *in,
                             const struct sl_pairs *pairs)
{
    struct sl_aggregate_lane *own = lane->state;
    struct sl_task *task = lane->task;
    const struct sl_node *node = aggregate->stage->node;
    int r = own->table.used ? sl_aggregate_deal_lists(aggregate, task, own, &own->table) : 0;
    for (uint32_t i = 0; i < in->rows && r == 0; i++) {
        const struct sl_field *key = &pairs->key[i];
        if (key->tag != SL_STR && sl_key_check(node, task, key) < 0)
            r = sl_task_reject(task, node->number, in, i);
        else
            r = deal_list(aggregate, task, own, (uint32_t)sl_field_hash(key, task->seed), key,
                          sl_list(&pairs->value[i], 1));
    }
    return r;
}
