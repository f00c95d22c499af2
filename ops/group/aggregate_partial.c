/* What one lane has combined, given out as rows and taken in again by another process's aggregate: the rows are those of
 * runs on disk (ops/group/aggregate_internal.h), of one lane, without its number. */
#include "core/base/error.h"
#include "ops/group/aggregate_internal.h"
#include "ops/key/failed_group.h"
#include "ops/key/sort_keys.h"

#include <stdlib.h>

static struct sl_table *table_of(struct sl_aggregate *aggregate, const struct sl_lane *lane)
{
    struct sl_aggregate_lane *own = lane->state;
    return aggregate->reducer->ops->exact ? &aggregate->own[lane->task->worker].table : &own->table;
}

/* ---- giving out ---- */

/* Groups of the lane, in no order: a table may have those of several lanes, and a group belongs to the earliest. */
static size_t list_groups(const struct sl_aggregate *aggregate, const struct sl_table *table,
                          const struct sl_aggregate_lane *lane, struct sl_sort_item *item)
{
    uint64_t at = UINT64_MAX;
    size_t count = 0;
    for (const struct sl_group *group; (group = sl_table_next(table, 0, 1, &at));)
        if (!aggregate->reducer->ops->exact || group->first == lane->number)
            item[count++].key = &group->key;
    sl_sort_items_prefix(item, count);
    return count;
}

static enum sl_spilled_kind kind_of(const struct sl_group *group)
{
    if (group->key.flags & SL_GROUP_FAILED)
        return SL_SPILLED_FAILED;
    return group->key.flags & SL_GROUP_EMPTY ? SL_SPILLED_EMPTY : SL_SPILLED_STATE;
}

static int emit_group(const struct sl_aggregate *aggregate, struct sl_task *task,
                      const struct sl_group *group, sl_partial_row *row, void *arg)
{
    const struct sl_reducer *reducer = aggregate->reducer;
    enum sl_spilled_kind kind = kind_of(group);
    struct sl_field fields[SL_PARTIAL_FIELDS] = {group->key, sl_integer(kind), sl_nil()};
    struct sl_arena_mark mark = sl_arena_mark(task->scratch);
    fields[0].flags &= SL_FIELD_ROW;
    int r = 0;
    if (kind == SL_SPILLED_STATE)
        r = sl_reducer_encode(reducer, task, &group->state, &fields[2]);
    else if (kind == SL_SPILLED_FAILED)
        r = sl_failed_group_encode(task, &group->state, &fields[2]);
    r = r < 0 ? r : row(arg, fields);
    sl_arena_release(task->scratch, mark);
    return r;
}

int sl_aggregate_emit(struct sl_aggregate *aggregate, struct sl_lane *lane, sl_partial_row *row, void *arg)
{
    const struct sl_table *table = table_of(aggregate, lane);
    struct sl_sort_item *item = malloc((2 * table->used + 1) * sizeof *item);
    int r = item ? 0 : SL_ENOMEM;
    size_t count = item ? list_groups(aggregate, table, lane->state, item) : 0;
    if (count)
        sl_sort_items(item, item + count, count);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = emit_group(aggregate, lane->task, sl_group_of_key(item[i].key), row, arg);
    free(item);
    return r;
}

static int emit_entry(const struct sl_reducer *reducer, struct sl_task *task,
                      const struct sl_group_entry *entry, sl_partial_row *row, void *arg)
{
    enum sl_spilled_kind kind = sl_entry_has_failed(entry) ? SL_SPILLED_FAILED : SL_SPILLED_STATE;
    struct sl_field fields[SL_PARTIAL_FIELDS] = {entry->key, sl_integer(kind), sl_nil()};
    struct sl_arena_mark mark = sl_arena_mark(task->scratch);
    fields[0].flags &= SL_FIELD_ROW;
    int r = sl_entry_encode(reducer, task, entry, &fields[2]);
    r = r < 0 ? r : row(arg, fields);
    sl_arena_release(task->scratch, mark);
    return r;
}

int sl_aggregate_emit_groups(struct sl_aggregate *aggregate, sl_partial_row *row, void *arg)
{
    struct sl_task *task = &aggregate->stage->tasks[0];
    struct sl_sorted_groups *groups;
    int r = sl_aggregate_finish(aggregate, &groups);
    if (r < 0)
        return r;
    for (size_t i = 0; i < groups->count && r == 0; i++)
        r = emit_entry(aggregate->reducer, task, &groups->entry[i], row, arg);
    sl_sorted_groups_unref(groups);
    return r;
}

/* ---- taking in ---- */

static int damaged(struct sl_task *task)
{
    return sl_error_set(task->err, SL_EDAMAGED, "a partial result is damaged");
}

static int read_group(struct sl_aggregate *aggregate, struct sl_task *task, struct sl_table *table,
                      const struct sl_field *row, struct sl_group *ret)
{
    const struct sl_reducer *reducer = aggregate->reducer;
    int64_t kind = row[1].tag == SL_INT ? row[1].integer : -1;
    *ret = (struct sl_group){.key = row[0]};
    ret->key.flags = (row[0].flags & SL_FIELD_ROW) | SL_GROUP_TAKEN;
    if (kind == SL_SPILLED_STATE)
        return sl_reducer_decode(reducer, task, &table->arena, &row[2], &ret->state);
    ret->key.flags |= kind == SL_SPILLED_FAILED ? SL_GROUP_FAILED : SL_GROUP_EMPTY;
    if (kind == SL_SPILLED_FAILED)
        return sl_failed_group_decode(task, &table->arena, &row[2], &ret->state);
    return kind == SL_SPILLED_EMPTY ? 0 : damaged(task);
}

int sl_aggregate_absorb(struct sl_aggregate *aggregate, struct sl_lane *lane,
                        const struct sl_field row[SL_PARTIAL_FIELDS])
{
    struct sl_aggregate_lane *own = lane->state;
    struct sl_table *table = table_of(aggregate, lane);
    struct sl_group from;
    bool spills = aggregate->runs.spill && aggregate->reducer->ops->exact;
    int r = spills ? sl_aggregate_make_room(aggregate, lane->task, own, table, 1) : 0;
    r = r < 0 ? r : sl_table_reserve(table, 1);
    r = r < 0 ? r : read_group(aggregate, lane->task, table, row, &from);
    if (r < 0)
        return r;
    uint32_t hash = (uint32_t)sl_field_hash(&row[0], lane->task->seed);
    struct sl_group *group = sl_table_slot(table, hash, &row[0]);
    from.first = own->number;
    if (group->key.flags & SL_GROUP_TAKEN)
        return sl_aggregate_combine_groups(aggregate, lane->task, &table->arena, group, &from);
    r = sl_table_take(table, group, hash, &row[0], own->number);
    if (r < 0)
        return r;
    group->key.flags = from.key.flags;
    group->state = from.state;
    return 0;
}
