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

/* The group with its state in the memory of `to`: the lane's own is given back, and a combined state may
 * share what it was made of. */
static int copy_group(struct sl_aggregate *aggregate, struct sl_task *task, struct sl_table *to,
                      const struct sl_group *from, struct sl_group *ret)
{
    const struct sl_reducer *reducer = aggregate->reducer;
    bool has_state = !(from->key.flags & (SL_GROUP_EMPTY | SL_GROUP_FAILED));
    *ret = *from;
    return has_state && reducer->ops->copy
               ? reducer->ops->copy(reducer, task, &to->arena, &from->state, &ret->state)
               : 0;
}

static int fold_group(struct sl_aggregate *aggregate, struct sl_task *task, struct sl_table *to,
                      const struct sl_group *from)
{
    struct sl_group *group = sl_table_slot(to, from->hash, &from->key), copy;
    int r = copy_group(aggregate, task, to, from, &copy);
    if (r < 0)
        return r;
    if (group->key.flags & SL_GROUP_TAKEN)
        return sl_aggregate_combine_groups(aggregate, task, &to->arena, group, &copy);
    if (sl_table_take(to, group, from->hash, &from->key, from->first) < 0)
        return SL_ENOMEM;
    group->key.flags = from->key.flags;
    group->state = copy.state;
    return 0;
}

/* All groups of a table into another, whose memory is given back. */
static int fold_table(struct sl_aggregate *aggregate, struct sl_task *task, struct sl_table *to,
                      struct sl_table *from)
{
    uint64_t at = UINT64_MAX;
    int r = sl_table_reserve(to, from->used);
    for (const struct sl_group *group; r == 0 && (group = sl_table_next(from, 0, 1, &at));) {
        sl_arena_reset(task->scratch);
        r = fold_group(aggregate, task, to, group);
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
