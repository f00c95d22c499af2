#include "ops/group/aggregate.h"

#include "core/base/array.h"
#include "core/base/error.h"
#include "ops/group/aggregate_internal.h"
#include "ops/key/failed_group.h"
#include "ops/key/pair_key.h"
#include "ops/reducer/reducers.h"

#include <stdlib.h>
#include <string.h>

enum { PARTS_PER_WORKER = 2, PARTS_MAX = 64 };

static unsigned choose_parts(const struct sl_stage *stage)
{
    unsigned workers = sl_pool_workers(stage->pool), parts = 1;
    while (workers > 1 && parts < workers * PARTS_PER_WORKER && parts < PARTS_MAX)
        parts *= 2;
    return parts;
}

int sl_aggregate_init(struct sl_aggregate *aggregate, struct sl_stage *stage,
                      const struct sl_reducer *reducer, enum sl_key_of key_of)
{
    *aggregate = (struct sl_aggregate){.stage = stage, .reducer = reducer, .key_of = key_of};
    pthread_mutex_init(&aggregate->lock, NULL);
    aggregate->parts = choose_parts(stage);
    aggregate->table = calloc(sl_pool_workers(stage->pool), sizeof *aggregate->table);
    for (unsigned w = 0; aggregate->table && w < sl_pool_workers(stage->pool); w++)
        sl_table_init(&aggregate->table[w], 1);
    return aggregate->table ? 0 : SL_ENOMEM;
}

void sl_aggregate_done(struct sl_aggregate *aggregate)
{
    if (!aggregate->stage)
        return;
    for (unsigned w = 0; aggregate->table && w < sl_pool_workers(aggregate->stage->pool); w++)
        sl_table_done(&aggregate->table[w]);
    free(aggregate->table);
    for (size_t i = 0; i < aggregate->lanes; i++) {
        sl_table_done(&aggregate->lane[i]->table);
        free(aggregate->lane[i]);
    }
    free(aggregate->lane);
    sl_aggregate_paths_done(aggregate);
    sl_aggregate_parts_done(aggregate);
    sl_spilled_runs_done(&aggregate->runs);
    pthread_mutex_destroy(&aggregate->lock);
    *aggregate = (struct sl_aggregate){0};
}

/* ---- lanes ---- */

static bool make_lane_room(struct sl_aggregate *aggregate)
{
    struct sl_aggregate_lane **lane =
        sl_array_grow(aggregate->lane, aggregate->lanes, &aggregate->lanes_capacity, sizeof *lane);
    if (!lane)
        return false;
    aggregate->lane = lane;
    return true;
}

int sl_aggregate_lane_open(struct sl_aggregate *aggregate, struct sl_lane *lane)
{
    struct sl_aggregate_lane *own = calloc(1, sizeof *own);
    if (!own)
        return SL_ENOMEM;
    own->position = lane->position;
    sl_table_init(&own->table, 1);
    pthread_mutex_lock(&aggregate->lock);
    bool added = make_lane_room(aggregate);
    if (added) {
        own->number = (uint32_t)aggregate->lanes;
        aggregate->lane[aggregate->lanes++] = own;
    }
    pthread_mutex_unlock(&aggregate->lock);
    if (!added) {
        free(own);
        return SL_ENOMEM;
    }
    lane->state = own;
    return 0;
}

/* ---- keys and values of a chunk ---- */

static struct sl_field *new_column(struct sl_task *task)
{
    return sl_arena_alloc(task->scratch, SL_CHUNK_ROWS * sizeof(struct sl_field));
}

/* The column without the flag of rows: a list in a record's only field is no record of several. */
static const struct sl_field *plain_column(struct sl_task *task, const struct sl_field *column, uint32_t rows)
{
    uint32_t i = 0;
    while (i < rows && !(column[i].flags & SL_FIELD_ROW))
        i++;
    if (i == rows)
        return column;
    struct sl_field *plain = new_column(task);
    if (!plain)
        return NULL;
    memcpy(plain, column, rows * sizeof *plain);
    for (; i < rows; i++)
        plain[i].flags &= (uint8_t)~SL_FIELD_ROW;
    return plain;
}

/* Columns from `first` on as one column: itself, or lists. NULL: out of memory. */
static const struct sl_field *pack_columns(struct sl_task *task, const struct sl_chunk *in, uint32_t first)
{
    uint32_t width = in->width - first;
    if (width == 1)
        return plain_column(task, in->column[first], in->rows);
    struct sl_field *packed = new_column(task);
    struct sl_field *items = sl_arena_alloc(task->scratch, (size_t)in->rows * width * sizeof *items);
    if (!packed || !items)
        return NULL;
    for (uint32_t i = 0; i < in->rows; i++, items += width) {
        for (uint32_t c = 0; c < width; c++)
            items[c] = in->column[first + c][i];
        packed[i] = sl_list(items, width);
        packed[i].flags = SL_FIELD_ROW;
    }
    return packed;
}

static const struct sl_field *nil_column(struct sl_task *task)
{
    struct sl_field *column = new_column(task);
    if (column)
        memset(column, 0, SL_CHUNK_ROWS * sizeof *column);
    return column;
}

int sl_pairs_find(enum sl_key_of key_of, struct sl_task *task, const struct sl_chunk *in,
                  struct sl_pairs *ret)
{
    *ret = (struct sl_pairs){0};
    switch (key_of) {
    case SL_KEY_FIELD:
        ret->key = in->column[0];
        ret->value = pack_columns(task, in, 1);
        break;
    case SL_KEY_RECORD:
        ret->key = ret->value = pack_columns(task, in, 0);
        break;
    case SL_KEY_NONE:
        ret->key = nil_column(task);
        ret->value = pack_columns(task, in, 0);
        break;
    }
    return ret->key && ret->value ? 0 : SL_ENOMEM;
}

/* ---- merging a chunk ---- */

struct merge {
    struct sl_aggregate *aggregate;
    const struct sl_reducer *reducer; /* the aggregate's, or list where only values are kept */
    struct sl_table *table;
    struct sl_task *task;
    const struct sl_chunk *in, *shown; /* shown: what record errors are about */
    struct sl_pairs pairs;
    uint32_t lane;
    uint32_t count; /* rows whose group has a state already: merged after all groups were found */
    union sl_state *state[SL_CHUNK_ROWS];
    uint16_t row[SL_CHUNK_ROWS];
};

/* What a phase of the reducer gave for a row: a record error is reported now, a group error when all records of the group
 * are there. */
static int settle(const struct merge *merge, uint32_t row, struct sl_group *group, int r)
{
    struct sl_field items[SL_WIDTH_MAX];
    if (r == SL_EREJECT)
        return sl_task_reject(merge->task, merge->aggregate->stage->node->number, merge->shown, row);
    if (r != SL_EGROUP)
        return r;
    struct sl_field value = sl_chunk_record(merge->shown, row, items);
    return sl_group_fail(group, merge->task, &merge->table->arena, &value,
                         sl_group_records(merge->reducer, group) + 1);
}

/* The first accepted value of a group. */
static int create_group(struct merge *merge, struct sl_group *group, uint32_t row)
{
    const struct sl_reducer *reducer = merge->reducer;
    int r = reducer->ops->create(reducer, merge->task, &merge->table->arena, &merge->pairs.value[row],
                                 &group->state);
    if (r == 0)
        group->key.flags &= (uint8_t)~SL_GROUP_EMPTY;
    return settle(merge, row, group, r);
}

static int find_group(struct merge *merge, uint32_t hash, uint32_t row)
{
    const struct sl_field *key = &merge->pairs.key[row];
    struct sl_group *group = sl_table_slot(merge->table, hash, key);
    if (group->key.flags == SL_GROUP_TAKEN && key->tag == SL_STR) {
        merge->state[merge->count] = &group->state;
        merge->row[merge->count++] = (uint16_t)row;
        return 0;
    }
    if (!(group->key.flags & SL_GROUP_TAKEN)) {
        const struct sl_node *node = merge->aggregate->stage->node;
        if (sl_key_check(node, merge->task, key) < 0)
            return sl_task_reject(merge->task, node->number, merge->in, row);
        if (sl_table_take(merge->table, group, hash, key, merge->lane) < 0)
            return SL_ENOMEM;
    }
    int r = sl_aggregate_show_earlier(merge->aggregate, &merge->table->arena, group, key, merge->lane);
    if (r < 0)
        return r;
    if (group->key.flags & SL_GROUP_FAILED) {
        sl_failed_group_add(&group->state, 1);
        return 0;
    }
    if (group->key.flags & SL_GROUP_EMPTY)
        return create_group(merge, group, row);
    merge->state[merge->count] = &group->state;
    merge->row[merge->count++] = (uint16_t)row;
    return 0;
}

/* The group failed at row k: it has no state to merge the rows after it into. */
static void count_rest(struct merge *merge, uint32_t k)
{
    union sl_state *failed = merge->state[k];
    uint32_t kept = k + 1;
    for (uint32_t i = k + 1; i < merge->count; i++) {
        merge->state[kept] = merge->state[i];
        merge->row[kept] = merge->row[i];
        kept += merge->state[i] != failed;
    }
    sl_failed_group_add(failed, merge->count - kept);
    merge->count = kept;
}

static int merge_one(struct merge *merge, uint32_t k)
{
    const struct sl_reducer *reducer = merge->reducer;
    struct sl_group *group = sl_group_of(merge->state[k]);
    int r = reducer->ops->merge(reducer, merge->task, &merge->table->arena, merge->state[k],
                                &merge->pairs.value[merge->row[k]]);
    r = r == 0 ? 0 : settle(merge, merge->row[k], group, r);
    if (group->key.flags & SL_GROUP_FAILED)
        count_rest(merge, k);
    return r;
}

static int merge_values(struct merge *merge)
{
    const struct sl_reducer *reducer = merge->reducer;
    int r = 0;
    for (uint32_t k = 0; k < merge->count && r == 0; k++) {
        if (reducer->ops->merge_rows)
            k += reducer->ops->merge_rows(reducer, merge->task, &merge->table->arena, merge->state + k,
                                          merge->pairs.value, merge->row + k, merge->count - k);
        if (k < merge->count)
            r = merge_one(merge, k);
    }
    return r;
}

/* So many that what is fetched for them is there in time and still in the first cache. */
enum { ROWS_AT_ONCE = 128 };

static int find_groups(struct merge *merge, uint32_t from, uint32_t end)
{
    uint32_t hash[ROWS_AT_ONCE];
    int r = 0;
    for (uint32_t i = from; i < end; i++) {
        hash[i - from] = (uint32_t)sl_field_hash(&merge->pairs.key[i], merge->task->seed);
        sl_table_prefetch(merge->table, hash[i - from]);
    }
    for (uint32_t i = from; i < end; i++)
        sl_table_prefetch_group(merge->table, hash[i - from]);
    for (uint32_t i = from; i < end && r == 0; i++)
        r = find_group(merge, hash[i - from], i);
    return r;
}

static int merge_chunk(struct merge *merge)
{
    uint32_t rows = merge->in->rows;
    int r = sl_table_reserve(merge->table, rows);
    for (uint32_t from = 0; from < rows && r == 0; from += ROWS_AT_ONCE)
        r = find_groups(merge, from, rows - from < ROWS_AT_ONCE ? rows : from + ROWS_AT_ONCE);
    return r == 0 ? merge_values(merge) : r;
}

static int push_bounded(struct merge *merge, struct sl_lane *lane)
{
    struct sl_aggregate *aggregate = merge->aggregate;
    struct sl_aggregate_lane *own = lane->state;
    bool deals_values = sl_aggregate_deals_lists(aggregate);
    bool deals = deals_values || sl_aggregate_deals_rows(aggregate, merge->task, merge->in->rows);
    int r = deals ? 0 : sl_aggregate_make_room(aggregate, merge->task, own, merge->table, merge->in->rows);
    if (own->keeps_values)
        merge->reducer = &sl_reducer_list;
    r = r < 0 ? r : sl_pairs_find(aggregate->key_of, merge->task, merge->in, &merge->pairs);
    if (r < 0)
        return r;
    if (deals_values)
        return sl_aggregate_deal_values(aggregate, lane, merge->in, &merge->pairs);
    return deals ? sl_aggregate_deal_rows(aggregate, lane, merge->in, &merge->pairs) : merge_chunk(merge);
}

int sl_aggregate_push(struct sl_aggregate *aggregate, struct sl_lane *lane, const struct sl_chunk *in)
{
    struct sl_aggregate_lane *own = lane->state;
    struct merge merge;
    merge.aggregate = aggregate;
    merge.reducer = aggregate->reducer;
    merge.table = aggregate->reducer->ops->exact ? &aggregate->table[lane->task->worker] : &own->table;
    merge.task = lane->task;
    merge.in = in;
    merge.shown = lane->shown ? lane->shown : in;
    merge.lane = own->number;
    merge.count = 0;
    if (aggregate->key_of == SL_KEY_FIELD && in->width < 2)
        return sl_pairs_reject(aggregate->stage->node, lane->task, in);
    if (aggregate->runs.spill)
        return push_bounded(&merge, lane);
    int r = sl_pairs_find(aggregate->key_of, lane->task, in, &merge.pairs);
    return r == 0 ? merge_chunk(&merge) : r;
}
