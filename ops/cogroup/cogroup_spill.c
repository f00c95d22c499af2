#include "ops/cogroup/cogroup_spill.h"

#include "core/base/error.h"
#include "ops/cogroup/cogroup_parts.h"
#include "ops/group/aggregate_internal.h"
#include "ops/reducer/field_vec.h"
#include "ops/reducer/reducers.h"

/* ---- the values of one key on one side ---- */

struct store {
    struct sl_aggregate *aggregate;
    bool has_values; /* the reducer is list; otherwise only the key matters */
    size_t bytes_max;
    struct sl_group group;      /* the key; no flags: the side has not got it */
    struct sl_arena arena;      /* of the key and the values in memory */
    struct sl_kept kept;        /* values in memory */
    struct sl_spill_file *file; /* opened when first needed */
    bool on_disk;               /* some of the key's values are in the file */
    struct sl_stored *stored;   /* all of them, once they are complete */
};

static void store_reset(struct store *store, const struct sl_spill_ops *ops)
{
    ops->free(store->stored);
    store->stored = NULL;
    store->on_disk = false;
    store->group.key.flags = 0;
    store->kept = (struct sl_kept){0};
    sl_arena_reset(&store->arena);
}

static void store_done(struct store *store, const struct sl_spill_ops *ops)
{
    store_reset(store, ops);
    ops->close(store->file);
    sl_arena_done(&store->arena);
}

/* What is in memory is appended to what is on disk already. The key must stay. */
static int store_flush(struct store *store, struct sl_spill *spill, struct sl_error *err)
{
    struct sl_arena key = {0};
    int r = store->file ? 0 : spill->ops->open(spill, &store->file, err);
    for (uint32_t i = 0; i < store->kept.count && r == 0; i++)
        r = spill->ops->row(store->file, &store->kept.item[i], 1, err);
    uint8_t flags = store->group.key.flags;
    if (r == 0 && !sl_field_copy(&key, &store->group.key, &store->group.key))
        r = SL_ENOMEM;
    store->group.key.flags = flags;
    sl_arena_done(&store->arena);
    sl_arena_adopt(&store->arena, &key);
    store->kept = (struct sl_kept){0};
    store->on_disk = true;
    return r;
}

static int store_values(struct store *store, struct sl_spill *spill, const struct sl_field *list,
                        struct sl_error *err)
{
    if (list->tag != SL_LIST)
        return sl_error_set(err, SL_EFAIL, "a stored list is damaged");
    for (uint32_t i = 0; i < list->len; i++)
        if (!sl_kept_append_copy(&store->kept, &store->arena, &list->items[i]))
            return SL_ENOMEM;
    return store->arena.bytes > store->bytes_max ? store_flush(store, spill, err) : 0;
}

static int store_key(struct store *store, struct sl_task *task, const struct sl_field *key, uint32_t lane)
{
    struct sl_group group = {.first = lane};
    if (store->has_values && store->group.key.flags & SL_GROUP_TAKEN)
        return 0; /* rows come in the order of lanes */
    if (!sl_field_copy(&store->arena, key, &group.key))
        return SL_ENOMEM;
    group.key.flags = (key->flags & SL_FIELD_ROW) | SL_GROUP_TAKEN;
    if (store->group.key.flags & SL_GROUP_TAKEN)
        return sl_aggregate_combine_groups(store->aggregate, task, &store->arena, &store->group, &group);
    store->group = group;
    return 0;
}

static int store_add(struct store *store, struct sl_task *task, const struct sl_field *row)
{
    int64_t mark = row[1].integer;
    int r = store_key(store, task, &row[0], sl_spilled_lane(mark));
    bool values = store->has_values && sl_spilled_kind(mark) != SL_SPILLED_EMPTY;
    return r < 0 || !values ? r : store_values(store, store->aggregate->runs.spill, &row[2], task->err);
}

/* All values of the key are there. */
static int store_show(struct store *store, struct sl_spill *spill, struct sl_error *err, struct sl_side *ret)
{
    int r = store->on_disk && store->kept.count ? store_flush(store, spill, err) : 0;
    if (r == 0 && store->on_disk)
        r = spill->ops->end(store->file, &store->stored, err);
    *ret = (struct sl_side){
        .present = store->group.key.flags & SL_GROUP_TAKEN,
        .item = store->kept.item,
        .count = store->kept.count,
        .stored = store->stored,
    };
    return r;
}

/* ---- a range of keys ---- */

struct reading {
    struct sl_cogroup *sides;
    struct store store[2];
    struct sl_cogroup_key meeting;
};

static void begin_key(void *arg)
{
    struct reading *reading = arg;
    for (unsigned i = 0; i < 2; i++)
        store_reset(&reading->store[i], reading->meeting.piles->spill->ops);
    sl_arena_reset(reading->meeting.task->scratch);
}

static int end_key(void *arg)
{
    struct reading *reading = arg;
    struct sl_cogroup_key *meeting = &reading->meeting;
    int r = 0;
    for (unsigned i = 0; i < 2 && r == 0; i++)
        r = store_show(&reading->store[i], meeting->piles->spill, meeting->task->err, &meeting->side[i]);
    if (r < 0 || (!meeting->side[0].present && !meeting->side[1].present))
        return r;
    meeting->key = reading->store[meeting->side[0].present ? 0 : 1].group.key;
    meeting->key.flags &= SL_FIELD_ROW;
    return reading->sides->kind->meet(meeting);
}

static const struct sl_field *current_key(const void *arg)
{
    const struct reading *reading = arg;
    for (unsigned i = 0; i < 2; i++)
        if (reading->store[i].group.key.flags & SL_GROUP_TAKEN)
            return &reading->store[i].group.key;
    return NULL;
}

static int add_row(void *arg, const struct sl_field *row)
{
    struct reading *reading = arg;
    return store_add(&reading->store[sl_spilled_side(row[1].integer)], reading->meeting.task, row);
}

static const struct sl_gatherer gatherer = {begin_key, current_key, add_row, end_key};

static struct store store_of(struct sl_cogroup *sides, unsigned i)
{
    return (struct store){
        .aggregate = &sides->side[i],
        .has_values = sides->kind->reducer[i] == &sl_reducer_list,
        .bytes_max = sides->kind->shows_lists ? SIZE_MAX : sides->piles.spill->bytes / 4,
    };
}

static int write_range(void *arg, struct sl_merge *merge, struct sl_task *task, struct sl_spill_file *file)
{
    struct sl_cogroup *sides = arg;
    struct reading reading = {
        .sides = sides,
        .store = {store_of(sides, 0), store_of(sides, 1)},
        .meeting = {.task = task, .piles = &sides->piles, .file = file},
    };
    int r = sl_merge_gather(merge, task, &gatherer, &reading);
    for (unsigned i = 0; i < 2; i++)
        store_done(&reading.store[i], sides->piles.spill->ops);
    return r;
}

/* ---- everything ---- */

bool sl_cogroup_are_large(const struct sl_cogroup *sides)
{
    return sl_aggregate_is_large(&sides->side[0]) || sl_aggregate_is_large(&sides->side[1]);
}

int sl_cogroup_merge(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct sl_cogroup *sides = stage->state;
    int r = sl_aggregate_spill_rest(&sides->side[0]);
    r = r < 0 ? r : sl_aggregate_spill_rest(&sides->side[1]);
    if (r == 0 && sl_spilled_parts_is_open(&sides->lists.parts))
        r = sl_cogroup_sort_parts(stage);
    r = r < 0 ? r : sl_spilled_runs_adopt(&sides->side[0].runs, &sides->side[1].runs);
    return r < 0 ? r : sl_spilled_runs_merge(&sides->side[0].runs, false, write_range, sides, ret);
}
