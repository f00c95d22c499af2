#include "ops/group/aggregate.h"

#include "core/base/array.h"
#include "core/base/error.h"
#include "ops/group/aggregate_internal.h"
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
    aggregate->may_share = reducer->ops->exact && sl_pool_workers(stage->pool) > 1;
    aggregate->own = sl_apart_new(sl_pool_workers(stage->pool), sizeof *aggregate->own);
    for (unsigned w = 0; aggregate->own && w < sl_pool_workers(stage->pool); w++)
        sl_table_init(&aggregate->own[w].table, 1);
    return aggregate->own ? 0 : SL_ENOMEM;
}

void sl_aggregate_done(struct sl_aggregate *aggregate)
{
    if (!aggregate->stage)
        return;
    for (unsigned w = 0; aggregate->own && w < sl_pool_workers(aggregate->stage->pool); w++)
        sl_table_done(&aggregate->own[w].table);
    free(aggregate->own);
    for (size_t i = 0; i < aggregate->lanes; i++) {
        sl_table_done(&aggregate->lane[i]->table);
        free(aggregate->lane[i]);
    }
    free(aggregate->lane);
    sl_aggregate_paths_done(aggregate);
    sl_aggregate_shared_done(aggregate);
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

static const struct sl_field *find_keys(enum sl_key_of key_of, struct sl_task *task,
                                        const struct sl_chunk *in)
{
    switch (key_of) {
    case SL_KEY_FIELD:
        return in->column[0];
    case SL_KEY_RECORD:
        return pack_columns(task, in, 0);
    case SL_KEY_NONE:
        return sl_no_keys;
    }
    sl_assert(!"there is no other key");
}

int sl_pairs_find(enum sl_key_of key_of, struct sl_task *task, const struct sl_chunk *in,
                  struct sl_pairs *ret)
{
    ret->key = find_keys(key_of, task, in);
    ret->value = key_of == SL_KEY_RECORD ? ret->key : pack_columns(task, in, key_of == SL_KEY_FIELD ? 1 : 0);
    return ret->key && ret->value ? 0 : SL_ENOMEM;
}

/* Values that nothing looks at need not be made. */
static int find_needed(struct sl_chunk_merge *merge)
{
    enum sl_key_of key_of = merge->aggregate->key_of;
    if (!merge->reducer->ops->ignores_values)
        return sl_pairs_find(key_of, merge->task, merge->in, &merge->pairs);
    merge->pairs = (struct sl_pairs){find_keys(key_of, merge->task, merge->in), merge->in->column[0]};
    return merge->pairs.key ? 0 : SL_ENOMEM;
}

/* ---- rows ---- */

static struct sl_table *table_of(const struct sl_aggregate *aggregate, const struct sl_lane *lane)
{
    struct sl_aggregate_lane *own = lane->state;
    return aggregate->reducer->ops->exact ? &aggregate->own[lane->task->worker].table : &own->table;
}

static int push_bounded(struct sl_chunk_merge *merge, struct sl_lane *lane)
{
    struct sl_aggregate *aggregate = merge->aggregate;
    struct sl_aggregate_lane *own = lane->state;
    struct sl_table *table = table_of(aggregate, lane);
    bool deals_values = sl_aggregate_deals_lists(aggregate);
    bool deals = deals_values || sl_aggregate_deals_rows(aggregate, merge->task, merge->in->rows);
    int r = deals ? 0 : sl_aggregate_make_room(aggregate, merge->task, own, table, merge->in->rows);
    if (own->keeps_values)
        merge->reducer = &sl_reducer_list;
    r = r < 0 ? r : sl_pairs_find(aggregate->key_of, merge->task, merge->in, &merge->pairs);
    if (r < 0)
        return r;
    if (deals_values)
        return sl_aggregate_deal_values(aggregate, lane, merge->in, &merge->pairs);
    return deals ? sl_aggregate_deal_rows(aggregate, lane, merge->in, &merge->pairs)
                 : sl_aggregate_merge_chunk(merge, table);
}

static int push_free(struct sl_chunk_merge *merge, struct sl_lane *lane)
{
    struct sl_aggregate *aggregate = merge->aggregate;
    bool shares = false;
    int r = find_needed(merge);
    if (r == 0 && aggregate->may_share)
        r = sl_aggregate_look(aggregate, merge->task, merge->in->rows, &shares);
    if (r < 0)
        return r;
    return shares ? sl_aggregate_merge_shared(merge)
                  : sl_aggregate_merge_chunk(merge, table_of(aggregate, lane));
}

int sl_aggregate_push(struct sl_aggregate *aggregate, struct sl_lane *lane, const struct sl_chunk *in)
{
    struct sl_aggregate_lane *own = lane->state;
    struct sl_chunk_merge merge; /* its arrays are filled as far as they are used */
    merge.aggregate = aggregate;
    merge.reducer = aggregate->reducer;
    merge.task = lane->task;
    merge.in = in;
    merge.shown = lane->shown ? lane->shown : in;
    merge.lane = own->number;
    if (aggregate->key_of == SL_KEY_FIELD && in->width < 2)
        return sl_pairs_reject(aggregate->stage->node, lane->task, in);
    return aggregate->runs.spill ? push_bounded(&merge, lane) : push_free(&merge, lane);
}
