/* The groups of several workers' tables, each key once. Slots of a table are in the order of hashes, so what another
 * table has of the same keys is found walking through both in that order: no third table is filled. Slots are only read,
 * for workers that are at neighbouring partitions look at them, too; what becomes of a group is a copy of it. */
#include "core/base/error.h"
#include "ops/group/aggregate_internal.h"

/* So many that what is fetched for them is there in time and still in the first cache. */
enum { GROUPS_AT_ONCE = 128 };

struct some {
    struct sl_group *group; /* [GROUPS_AT_ONCE], in the arena */
    uint32_t count;
};

/* The next groups of a table whose keys no earlier table has. False: out of memory. */
static bool take_some(const struct sl_union *all, size_t table, uint64_t *at, struct some *ret)
{
    const struct sl_table *from = all->table[table];
    const struct sl_group *group;
    ret->count = 0;
    ret->group = sl_arena_alloc(all->keep, GROUPS_AT_ONCE * sizeof *ret->group);
    if (!ret->group)
        return false;
    while (ret->count < GROUPS_AT_ONCE &&
           (group = sl_table_next(from, all->partition, all->partitions, at))) {
        if (table > 0 && all->seen[table][group - from->slot])
            continue;
        ret->group[ret->count++] = *group;
        __builtin_prefetch(group->key.str);
        __builtin_prefetch(group->state.integer & 1 ? group : group->state.pointer, 1);
    }
    return true;
}

/* What the table has of their keys joins them. */
static int combine_some(const struct sl_union *all, size_t table, const struct some *some)
{
    const struct sl_table *from = all->table[table];
    int r = 0;
    for (uint32_t i = 0; i < some->count; i++)
        sl_table_prefetch(from, some->group[i].hash);
    for (uint32_t i = 0; i < some->count; i++)
        sl_table_prefetch_group(from, some->group[i].hash);
    for (uint32_t i = 0; i < some->count && r == 0; i++) {
        struct sl_group *to = &some->group[i];
        const struct sl_group *group = sl_table_slot(from, to->hash, &to->key);
        if (!(group->key.flags & SL_GROUP_TAKEN))
            continue;
        all->seen[table][group - from->slot] = true;
        r = sl_aggregate_combine_groups(all->aggregate, all->task, all->keep, to, group);
    }
    return r;
}

static int unite_some(const struct sl_union *all, size_t table, const struct some *some)
{
    int r = 0;
    sl_arena_reset(all->task->scratch);
    for (size_t later = table + 1; later < all->tables && r == 0; later++)
        r = combine_some(all, later, some);
    for (uint32_t i = 0; i < some->count && r == 0; i++)
        r = all->add(all->arg, &some->group[i]);
    return r;
}

int sl_aggregate_unite(const struct sl_union *all)
{
    for (size_t table = 0; table < all->tables; table++) {
        uint64_t at = UINT64_MAX;
        struct some some;
        do {
            int r = take_some(all, table, &at, &some) ? unite_some(all, table, &some) : SL_ENOMEM;
            if (r < 0)
                return r;
        } while (some.count == GROUPS_AT_ONCE);
    }
    return 0;
}
