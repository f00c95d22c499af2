/* Lanes of reducers that are not exact are merged as they end, so that memory grows with the keys and not
 * with the input: the table of a path's first lane takes in the second's, the third's ..., in that order
 * whoever ends first. One worker folds at a time, and goes on while the next lane in order is there; the
 * others go on reading. */
#include "core/error.h"
#include "ops/aggregate_inside.h"

#include <stdlib.h>
#include <string.h>

struct sl_aggregate_path {
    uint32_t next; /* partition that is folded next */
    size_t capacity;
    struct sl_aggregate_lane **lane; /* [capacity], by partition; NULL: not closed yet */
};

void sl_aggregate_paths_done(struct sl_aggregate *aggregate)
{
    for (size_t i = 0; i < aggregate->paths; i++)
        free(aggregate->path[i].lane);
    free(aggregate->path);
    aggregate->path = NULL;
    aggregate->paths = 0;
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

static bool make_partitions(struct sl_aggregate_path *path, uint32_t partition)
{
    if (partition < path->capacity)
        return true;
    size_t capacity = path->capacity ? path->capacity * 2 : 16;
    while (capacity <= partition)
        capacity *= 2;
    struct sl_aggregate_lane **grown = realloc(path->lane, capacity * sizeof *grown);
    if (!grown)
        return false;
    memset(grown + path->capacity, 0, (capacity - path->capacity) * sizeof *grown);
    path->lane = grown;
    path->capacity = capacity;
    return true;
}

static bool has_state(const struct sl_group *group)
{
    return !(group->key.flags & (SL_GROUP_EMPTY | SL_GROUP_FAILED));
}

/* The group with its state in the memory of `to`: the lane's own is given back, and a combined state may
 * share what it was made of. */
static int copy_group(struct sl_aggregate *aggregate, struct sl_task *task, struct sl_table *to,
                      const struct sl_group *from, struct sl_group *ret)
{
    *ret = *from;
    return has_state(from) ? sl_reducer_copy(aggregate->reducer, task, &to->arena, &from->state, &ret->state)
                           : 0;
}

/* Groups of one table on their way into another: so many at a time that the slots of all of them are on their
 * way from memory, and that a call into Lua is worth it. */
enum { GROUPS_AT_ONCE = 512 };

struct fold {
    struct sl_aggregate *aggregate;
    struct sl_task *task;
    struct sl_table *to;
    uint32_t count;
    const struct sl_group *from[GROUPS_AT_ONCE];
    uint32_t pairs; /* that are combined after all groups were found */
    union sl_state *state[GROUPS_AT_ONCE];
    const union sl_state *other[GROUPS_AT_ONCE];
};

static int combine_group(struct fold *fold, struct sl_group *group, const struct sl_group *from)
{
    struct sl_group copy;
    int r = copy_group(fold->aggregate, fold->task, fold->to, from, &copy);
    return r < 0 ? r
                 : sl_aggregate_combine_groups(fold->aggregate, fold->task, &fold->to->arena, group, &copy);
}

static int take_group(struct fold *fold, struct sl_group *group, const struct sl_group *from)
{
    struct sl_group copy;
    int r = copy_group(fold->aggregate, fold->task, fold->to, from, &copy);
    if (r == 0)
        r = sl_table_take(fold->to, group, from->hash, &from->key, from->first);
    if (r < 0)
        return r;
    group->key.flags = from->key.flags;
    group->state = copy.state;
    return 0;
}

static int find_group(struct fold *fold, const struct sl_group *from)
{
    struct sl_group *group = sl_table_slot(fold->to, from->hash, &from->key);
    if (!(group->key.flags & SL_GROUP_TAKEN))
        return take_group(fold, group, from);
    if (!has_state(group) || !has_state(from))
        return combine_group(fold, group, from);
    fold->state[fold->pairs] = &group->state;
    fold->other[fold->pairs++] = &from->state;
    return 0;
}

static int combine_pairs(struct fold *fold)
{
    const struct sl_reducer *reducer = fold->aggregate->reducer;
    int r = 0;
    for (uint32_t k = 0; k < fold->pairs && r == 0; k++) {
        if (reducer->ops->combine_rows)
            k += reducer->ops->combine_rows(reducer, fold->task, &fold->to->arena, fold->state + k,
                                            fold->other + k, fold->pairs - k);
        if (k < fold->pairs)
            r = combine_group(fold, sl_group_of(fold->state[k]), sl_group_of(fold->other[k]));
    }
    return r;
}

static int fold_groups(struct fold *fold)
{
    int r = 0;
    fold->pairs = 0;
    for (uint32_t i = 0; i < fold->count; i++)
        sl_table_prefetch_group(fold->to, fold->from[i]->hash);
    for (uint32_t i = 0; i < fold->count && r == 0; i++)
        r = find_group(fold, fold->from[i]);
    return r == 0 ? combine_pairs(fold) : r;
}

/* All groups of a table into another, whose memory is given back. */
static int fold_table(struct sl_aggregate *aggregate, struct sl_task *task, struct sl_table *to,
                      struct sl_table *from)
{
    struct fold fold;
    fold.aggregate = aggregate;
    fold.task = task;
    fold.to = to;
    uint64_t at = UINT64_MAX;
    const struct sl_group *group = from->slot;
    int r = sl_table_reserve(to, from->used);
    while (r == 0 && group) {
        sl_arena_reset(task->scratch);
        for (fold.count = 0; fold.count < GROUPS_AT_ONCE && (group = sl_table_next(from, 0, 1, &at));) {
            fold.from[fold.count++] = group;
            sl_table_prefetch(to, group->hash);
        }
        r = fold_groups(&fold);
    }
    sl_table_done(from);
    sl_table_init(from, 1);
    return r;
}

/* The lane of a path that is to be folded next, where it has ended. */
static struct sl_aggregate_lane *next_lane(const struct sl_aggregate *aggregate, uint32_t path)
{
    const struct sl_aggregate_path *own = &aggregate->path[path];
    return own->next < own->capacity ? own->lane[own->next] : NULL;
}

/* Folds what can be folded; called and left with the lock held, which is free while it works. */
static int fold_path(struct sl_aggregate *aggregate, struct sl_task *task, uint32_t path)
{
    struct sl_aggregate_lane *lane;
    int r = 0;
    while (r == 0 && (lane = next_lane(aggregate, path))) {
        struct sl_aggregate_lane *first = aggregate->path[path].lane[0];
        pthread_mutex_unlock(&aggregate->lock);
        if (lane != first) {
            size_t before = sl_table_bytes(&first->table, 0) + sl_table_bytes(&lane->table, 0);
            r = fold_table(aggregate, task, &first->table, &lane->table);
            atomic_fetch_add(&aggregate->held, sl_table_bytes(&first->table, 0) - before); /* mostly less */
        }
        pthread_mutex_lock(&aggregate->lock);
        aggregate->path[path].next++;
    }
    return r;
}

int sl_aggregate_lane_close(struct sl_aggregate *aggregate, struct sl_lane *lane)
{
    struct sl_aggregate_lane *own = lane->state;
    const struct sl_position *position = &lane->position;
    if (aggregate->reducer->ops->exact)
        return 0;
    if (aggregate->runs.spill &&
        sl_aggregate_must_spill(aggregate, own)) /* those behind it wait for the finish */
        return sl_aggregate_spill_table(aggregate, lane->task, own, &own->table);
    pthread_mutex_lock(&aggregate->lock);
    int r = make_paths(aggregate, position->path) &&
                    make_partitions(&aggregate->path[position->path], position->partition)
                ? 0
                : SL_ENOMEM;
    if (r == 0)
        aggregate->path[position->path].lane[position->partition] = own;
    if (r == 0 && !aggregate->folding) {
        aggregate->folding = true;
        for (uint32_t path = 0; r == 0 && path < aggregate->paths; path++)
            r = fold_path(aggregate, lane->task, path);
        aggregate->folding = false;
    }
    pthread_mutex_unlock(&aggregate->lock);
    return r;
}
