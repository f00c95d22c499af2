/* Lanes of reducers that are not exact are merged as they end, so that memory grows with the keys and not
 * with the input. What comes first in the path takes in the second lane, the third ..., in that order,
 * whichever ends first: by hash partitions, so that several workers fold at once, each another partition. The
 * worker that closes a lane folds what is ready and not taken by another worker, and continues while the next
 * lane in order is ready; the other workers continue to read. A path of one lane is left as it is. */
#include "core/base/array.h"
#include "core/base/error.h"
#include "ops/group/aggregate_internal.h"
#include "ops/key/failed_group.h"

#include <stdlib.h>
#include <string.h>

/* ---- paths ---- */

void sl_aggregate_paths_done(struct sl_aggregate *aggregate)
{
    for (size_t i = 0; i < aggregate->paths; i++) {
        struct sl_aggregate_path *path = &aggregate->path[i];
        for (unsigned p = 0; path->part && p < aggregate->parts; p++)
            sl_table_done(&path->part[p].table);
        free(path->part);
        free(path->lane);
    }
    free(aggregate->path);
    aggregate->path = NULL;
    aggregate->paths = 0;
}

struct sl_aggregate_part *sl_aggregate_parts(const struct sl_aggregate *aggregate,
                                             const struct sl_aggregate_lane *lane)
{
    uint32_t number = lane->position.path;
    const struct sl_aggregate_path *path = number < aggregate->paths ? &aggregate->path[number] : NULL;
    return path && path->part && path->lane[0] == lane ? path->part : NULL;
}

static bool make_paths(struct sl_aggregate *aggregate, uint32_t path)
{
    if (path < aggregate->paths)
        return true;
    struct sl_aggregate_path *grown = realloc(aggregate->path, (path + 1) * sizeof *grown);
    if (!grown)
        return false;
    memset(grown + aggregate->paths, 0, (path + 1 - aggregate->paths) * sizeof *grown);
    aggregate->path = grown;
    aggregate->paths = path + 1;
    return true;
}

static bool make_lanes(struct sl_aggregate_path *path, uint32_t number)
{
    if (number < path->capacity)
        return true;
    size_t before = path->capacity;
    struct sl_aggregate_lane **grown = sl_array_grow(path->lane, number, &path->capacity, sizeof *grown);
    if (!grown)
        return false;
    memset(grown + before, 0, (path->capacity - before) * sizeof *grown);
    path->lane = grown;
    return true;
}

/* A part's table is filled in the order of hashes, and in it that is the order of slots, too. */
static bool make_parts(const struct sl_aggregate *aggregate, struct sl_aggregate_path *path)
{
    bool two = path->lane[0] && path->lane[1];
    if (path->part || !two)
        return true;
    path->part = sl_apart_new(aggregate->parts, sizeof *path->part);
    for (unsigned p = 0; path->part && p < aggregate->parts; p++)
        sl_table_init(&path->part[p].table, aggregate->parts);
    return path->part != NULL;
}

static bool add_lane(struct sl_aggregate *aggregate, const struct sl_lane *lane,
                     struct sl_aggregate_lane *own)
{
    uint32_t number = lane->task->ordinal;
    if (!make_paths(aggregate, lane->position.path))
        return false;
    struct sl_aggregate_path *path = &aggregate->path[lane->position.path];
    if (!make_lanes(path, number))
        return false;
    sl_assert(!path->lane[number]);
    own->unfolded = aggregate->parts;
    path->lane[number] = own;
    return make_parts(aggregate, path);
}

/* ---- groups ---- */

static bool has_state(const struct sl_group *group)
{
    return !(group->key.flags & (SL_GROUP_EMPTY | SL_GROUP_FAILED));
}

/* Groups of one table on their way into another: as many at a time as memory can fetch at once,
 * and as make a call into Lua worth it. */
enum { GROUPS_AT_ONCE = 512 };

struct block {
    const struct sl_fold *fold;
    uint32_t count;
    const struct sl_group *from[GROUPS_AT_ONCE];
    uint32_t pairs; /* that are combined after all groups were found */
    union sl_state *state[GROUPS_AT_ONCE];
    const union sl_state *other[GROUPS_AT_ONCE];
};

/* The group with a state that may stay in `to`: a combined state may share what it was made of. */
static int copy_group(const struct sl_fold *fold, const struct sl_group *from, struct sl_group *ret)
{
    *ret = *from;
    if (fold->copies && from->key.flags & SL_GROUP_FAILED)
        return sl_failed_group_copy(&fold->to->arena, &from->state, &ret->state);
    if (!fold->copies || !has_state(from))
        return 0;
    return sl_reducer_copy(fold->aggregate->reducer, fold->task, &fold->to->arena, &from->state, &ret->state);
}

static int combine_group(const struct sl_fold *fold, struct sl_group *group, const struct sl_group *from)
{
    struct sl_group copy;
    int r = copy_group(fold, from, &copy);
    return r < 0 ? r
                 : sl_aggregate_combine_groups(fold->aggregate, fold->task, &fold->to->arena, group, &copy);
}

static int take_group(const struct sl_fold *fold, struct sl_group *group, const struct sl_group *from)
{
    struct sl_group copy;
    int r = copy_group(fold, from, &copy);
    if (r == 0 && fold->copies)
        r = sl_field_copy(&fold->to->arena, &from->key, &copy.key) ? 0 : SL_ENOMEM;
    if (r < 0)
        return r;
    copy.key.flags = from->key.flags;
    *group = copy;
    fold->to->used++;
    return 0;
}

static int find_group(struct block *block, const struct sl_group *from)
{
    const struct sl_fold *fold = block->fold;
    struct sl_group *group = sl_table_slot(fold->to, from->hash, &from->key);
    if (!(group->key.flags & SL_GROUP_TAKEN))
        return take_group(fold, group, from);
    bool at_once = !fold->aggregate->reducer->ops->exact && has_state(group) && has_state(from);
    if (!at_once)
        return combine_group(fold, group, from);
    block->state[block->pairs] = &group->state;
    block->other[block->pairs++] = &from->state;
    return 0;
}

static int combine_pairs(struct block *block)
{
    const struct sl_fold *fold = block->fold;
    const struct sl_reducer *reducer = fold->aggregate->reducer;
    int r = 0;
    for (uint32_t k = 0; k < block->pairs && r == 0; k++) {
        if (reducer->ops->combine_rows)
            k += reducer->ops->combine_rows(reducer, fold->task, &fold->to->arena, block->state + k,
                                            block->other + k, block->pairs - k);
        if (k < block->pairs)
            r = combine_group(fold, sl_group_of(block->state[k]), sl_group_of(block->other[k]));
    }
    return r;
}

static int fold_block(struct block *block)
{
    const struct sl_table *to = block->fold->to;
    int r = sl_table_reserve(block->fold->to, block->count);
    block->pairs = 0;
    for (uint32_t i = 0; r == 0 && i < block->count; i++)
        sl_table_prefetch(to, block->from[i]->hash);
    for (uint32_t i = 0; r == 0 && i < block->count; i++)
        sl_table_prefetch_group(to, block->from[i]->hash);
    for (uint32_t i = 0; r == 0 && i < block->count; i++)
        r = find_group(block, block->from[i]);
    return r == 0 ? combine_pairs(block) : r;
}

int sl_aggregate_fold(const struct sl_fold *fold)
{
    struct block block;
    block.fold = fold;
    struct sl_arena_mark mark = sl_arena_mark(fold->task->scratch);
    uint64_t at = UINT64_MAX;
    const struct sl_group *group = fold->from->slot;
    size_t groups = fold->from->used / fold->partitions, used = fold->to->used;
    /* Groups come in the order of slots: in a table for much fewer they would all be crowded at its beginning
     * until it has grown. Room for all of them is enough: most are there already, where tables are alike. */
    int r = group && groups > used ? sl_table_reserve(fold->to, groups - used) : 0;
    while (r == 0 && group) {
        sl_arena_release(fold->task->scratch, mark);
        for (block.count = 0; block.count < GROUPS_AT_ONCE &&
                              (group = sl_table_next(fold->from, fold->partition, fold->partitions, &at));) {
            block.from[block.count++] = group;
            __builtin_prefetch(group->key.str);
            __builtin_prefetch(group->state.integer & 1 ? group : group->state.pointer);
        }
        r = block.count ? fold_block(&block) : 0;
    }
    return r;
}

/* ---- lanes into parts ---- */

/* The lane that the part takes in next, where it has ended. */
static struct sl_aggregate_lane *next_lane(const struct sl_aggregate_path *path,
                                           const struct sl_aggregate_part *part)
{
    return part->next < path->capacity ? path->lane[part->next] : NULL;
}

/* All parts have taken in its groups: its table is not read any more. */
static void empty_lane(struct sl_aggregate *aggregate, struct sl_aggregate_lane *lane)
{
    atomic_fetch_sub(&aggregate->held, sl_table_bytes(&lane->table, 0));
    sl_table_done(&lane->table);
    sl_table_init(&lane->table, 1);
}

/* Called and left with the lock held, which is free while it works. */
static int fold_lane(struct sl_aggregate *aggregate, struct sl_task *task, struct sl_aggregate_part *part,
                     unsigned number, struct sl_aggregate_lane *lane)
{
    struct sl_fold fold = {aggregate, task, &part->table, &lane->table, number, aggregate->parts, true};
    uint32_t own = task->ordinal;
    part->busy = true;
    pthread_mutex_unlock(&aggregate->lock);
    size_t before = sl_table_bytes(&part->table, 0);
    sl_arena_reset(task->scratch);
    task->ordinal = part->next; /* a failure is the lane's, whichever worker folds it */
    int r = sl_aggregate_fold(&fold);
    task->ordinal = own;
    atomic_fetch_add(&aggregate->held, sl_table_bytes(&part->table, 0) - before);
    pthread_mutex_lock(&aggregate->lock);
    part->busy = false;
    part->next++;
    if (--lane->unfolded == 0) {
        pthread_mutex_unlock(&aggregate->lock);
        empty_lane(aggregate, lane);
        pthread_mutex_lock(&aggregate->lock);
    }
    return r;
}

/* Folds what can be folded; called and left with the lock held. */
static int fold_paths(struct sl_aggregate *aggregate, struct sl_task *task)
{
    struct sl_aggregate_lane *lane;
    int r = 0;
    for (uint32_t i = 0; i < aggregate->paths; i++) {
        struct sl_aggregate_part *part = aggregate->path[i].part;
        for (unsigned p = 0; part && r == 0 && p < aggregate->parts; p++)
            while (r == 0 && !part[p].busy && (lane = next_lane(&aggregate->path[i], &part[p])))
                r = fold_lane(aggregate, task, &part[p], p, lane);
    }
    return r;
}

int sl_aggregate_lane_close(struct sl_aggregate *aggregate, struct sl_lane *lane)
{
    struct sl_aggregate_lane *own = lane->state;
    if (aggregate->reducer->ops->exact)
        return 0;
    if (sl_aggregate_deals_lists(aggregate))
        return sl_aggregate_deal_lists(aggregate, lane->task, own, &own->table);
    if (aggregate->runs.spill &&
        sl_aggregate_must_spill(aggregate, own)) /* those after it wait for the finish */
        return sl_aggregate_spill_table(aggregate, lane->task, own, &own->table);
    pthread_mutex_lock(&aggregate->lock);
    int r = add_lane(aggregate, lane, own) ? fold_paths(aggregate, lane->task) : SL_ENOMEM;
    pthread_mutex_unlock(&aggregate->lock);
    return r;
}
