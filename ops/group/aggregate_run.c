/* Groups of a table as rows of a sorted run on disk, and back. When that is done: ops/group/aggregate_spill.c. */
#include "core/base/error.h"
#include "core/base/heap.h"
#include "core/rows/spill.h"
#include "ops/group/aggregate_internal.h"
#include "ops/key/failed_group.h"
#include "ops/key/sort_keys.h"
#include "ops/reducer/reducers.h"

#include <stdlib.h>

/* ---- the rows ---- */

int sl_aggregate_group_row(const struct sl_aggregate *aggregate, const struct sl_reducer *reducer,
                           enum sl_spilled_kind kind, struct sl_task *task, const struct sl_group *group,
                           uint32_t lane, struct sl_field row[SL_SPILLED_FIELDS])
{
    if (group->key.flags & SL_GROUP_FAILED)
        kind = SL_SPILLED_FAILED;
    else if (group->key.flags & SL_GROUP_EMPTY)
        kind = SL_SPILLED_EMPTY;
    row[0] = group->key;
    row[0].flags &= SL_FIELD_ROW;
    row[1] = sl_integer(sl_spilled_mark(lane, aggregate->input, kind));
    row[2] = sl_nil();
    if (kind == SL_SPILLED_EMPTY)
        return 0;
    return kind == SL_SPILLED_FAILED ? sl_failed_group_encode(task, &group->state, &row[2])
                                     : sl_reducer_encode(reducer, task, &group->state, &row[2]);
}

int sl_aggregate_read_group(const struct sl_aggregate *aggregate, struct sl_task *task, struct sl_arena *keep,
                            const struct sl_field row[SL_SPILLED_FIELDS], struct sl_group *ret)
{
    enum sl_spilled_kind kind = sl_spilled_kind(row[1].integer);
    *ret = (struct sl_group){.first = sl_spilled_lane(row[1].integer), .key = row[0]};
    ret->key.flags = (row[0].flags & SL_FIELD_ROW) | SL_GROUP_TAKEN;
    switch (kind) {
    case SL_SPILLED_STATE:
        return sl_reducer_decode(aggregate->reducer, task, keep, &row[2], &ret->state);
    case SL_SPILLED_FAILED:
        ret->key.flags |= SL_GROUP_FAILED;
        return sl_failed_group_decode(task, keep, &row[2], &ret->state);
    case SL_SPILLED_EMPTY:
    case SL_SPILLED_VALUES:
        ret->key.flags |= SL_GROUP_EMPTY;
        return 0;
    }
    sl_assert(!"there is no such kind");
}

/* ---- a table becomes a run ---- */

struct writing {
    const struct sl_aggregate *aggregate;
    const struct sl_reducer *reducer;
    const struct sl_aggregate_lane *lane;
    struct sl_task *task;
    struct sl_spill_file *file;
    enum sl_spilled_kind kind; /* of groups that have something */
};

static int write_row(const struct writing *writing, const struct sl_field *row)
{
    return writing->aggregate->runs.spill->ops->row(writing->file, row, SL_SPILLED_FIELDS,
                                                    writing->task->err);
}

size_t sl_spilled_bytes_of(const struct sl_field *item)
{
    size_t bytes = sizeof *item + (item->tag == SL_STR ? item->len : 0);
    for (uint32_t i = 0; item->tag == SL_LIST && i < item->len; i++)
        bytes += sizeof *item + (item->items[i].tag == SL_STR ? item->items[i].len : 0);
    return bytes;
}

enum { LIST_BYTES = 64 << 10 };

/* A long list is several rows: a merge holds one row of each run in memory. */
static int write_list(const struct writing *writing, struct sl_field *row, uint32_t lane)
{
    const struct sl_field *item = row[2].items;
    uint32_t count = row[2].len, from = 0, to = 0;
    int r = 0;
    do {
        for (size_t bytes = 0; to < count && bytes < LIST_BYTES; to++)
            bytes += sl_spilled_bytes_of(&item[to]);
        row[2] = sl_list(item + from, to - from);
        r = write_row(writing, row);
        row[1] = sl_integer(sl_spilled_mark(lane, writing->aggregate->input, SL_SPILLED_VALUES));
        from = to;
    } while (r == 0 && to < count);
    return r;
}

static int write_group(const struct writing *writing, const struct sl_group *group)
{
    const struct sl_aggregate *aggregate = writing->aggregate;
    uint32_t lane = writing->lane ? writing->lane->number : group->first;
    struct sl_field row[SL_SPILLED_FIELDS];
    int r =
        sl_aggregate_group_row(aggregate, writing->reducer, writing->kind, writing->task, group, lane, row);
    if (r < 0)
        return r;
    bool is_list =
        writing->reducer == &sl_reducer_list && !(group->key.flags & (SL_GROUP_FAILED | SL_GROUP_EMPTY));
    return is_list ? write_list(writing, row, lane) : write_row(writing, row);
}

static bool has_key(const struct sl_table *table, const struct sl_group *group)
{
    return table->used && sl_table_slot(table, group->hash, &group->key)->key.flags & SL_GROUP_TAKEN;
}

/* The table's keys, in no order. */
static size_t list_keys(const struct sl_table *table, const struct sl_table *needed,
                        struct sl_sort_item *item)
{
    uint64_t at = UINT64_MAX;
    size_t count = 0;
    for (const struct sl_group *group; (group = sl_table_next(table, 0, 1, &at));) {
        if (needed && !has_key(needed, group))
            continue;
        item[count++].key = &group->key;
        sl_key_prefetch_bytes(&group->key);
        if (count > SL_KEYS_AHEAD)
            item[count - 1 - SL_KEYS_AHEAD].prefix = sl_key_prefix(item[count - 1 - SL_KEYS_AHEAD].key);
    }
    for (size_t i = count > SL_KEYS_AHEAD ? count - SL_KEYS_AHEAD : 0; i < count; i++)
        item[i].prefix = sl_key_prefix(item[i].key);
    return count;
}

/* In order; what encoding takes is given back for each: the rows that are pushed lie in the same scratch. */
static int write_groups(const struct writing *writing, const struct sl_table *table,
                        const struct sl_table *needed)
{
    struct sl_sort_item *item = malloc(2 * table->used * sizeof *item);
    size_t count = item ? list_keys(table, needed, item) : 0;
    int r = item ? 0 : SL_ENOMEM;
    if (item)
        sl_sort_items(item, item + count, count);
    for (size_t i = 0; r == 0 && i < count; i++) {
        struct sl_arena_mark mark = sl_arena_mark(writing->task->scratch);
        if (i + 2 * SL_KEYS_AHEAD < count) {
            __builtin_prefetch(item[i + 2 * SL_KEYS_AHEAD].key);
            sl_key_prefetch_bytes(item[i + SL_KEYS_AHEAD].key);
        }
        r = write_group(writing, sl_group_of_key(item[i].key));
        sl_arena_release(writing->task->scratch, mark);
    }
    free(item);
    return r;
}

int sl_aggregate_sort_table(struct sl_aggregate *aggregate, struct sl_task *task,
                            struct sl_aggregate_lane *lane, struct sl_table *table,
                            const struct sl_table *needed)
{
    struct writing writing = {
        .aggregate = aggregate, .reducer = aggregate->reducer, .lane = lane, .task = task};
    if (!table->used)
        return 0;
    if (lane && lane->keeps_values) {
        writing.reducer = &sl_reducer_list;
        writing.kind = SL_SPILLED_VALUES;
    }
    int r = sl_spilled_runs_file(&aggregate->runs, task, &writing.file);
    r = r < 0 ? r : write_groups(&writing, table, needed);
    struct sl_position whole = {.input = aggregate->input};
    if (r == 0)
        r = sl_spilled_runs_end(&aggregate->runs, task, lane ? &lane->position : &whole,
                                lane ? lane->runs++ : atomic_fetch_add(&aggregate->tables, 1));
    return r;
}

int sl_aggregate_make_run(struct sl_aggregate *aggregate, struct sl_task *task,
                          struct sl_aggregate_lane *lane, struct sl_table *table)
{
    uint32_t spread = table->spread;
    int r = sl_aggregate_sort_table(aggregate, task, lane, table, NULL);
    if (r < 0 || !table->used)
        return r;
    sl_table_done(table);
    sl_table_init(table, spread);
    sl_heap_trim();
    return 0;
}

/* ---- how much is too much ---- */

/* Sorting a table's groups takes two items for each. */
static size_t bytes_to_sort(const struct sl_table *table)
{
    return 2 * table->used * sizeof(struct sl_sort_item);
}

bool sl_aggregate_table_has_room(const struct sl_table *table, size_t more, size_t share)
{
    bool fits =
        sl_table_bytes(table, more) <= share && sl_table_bytes(table, 0) + bytes_to_sort(table) <= share;
    return fits || !table->used;
}

int sl_aggregate_make_run_room(struct sl_aggregate *aggregate, struct sl_task *task, struct sl_table *table,
                               size_t more)
{
    return sl_aggregate_table_has_room(table, more, aggregate->runs.spill->bytes)
               ? 0
               : sl_aggregate_make_run(aggregate, task, NULL, table);
}
