/* From tables to the groups in the order of their keys. Tables are merged by hash partition, those of a few workers
 * without a further table (aggregate_union.c); what a partition has is listed while it is in the cache, and the lists are sorted (ops/key/sort_lists.h). All of it runs on the
 * stage's workers. */
#include "core/base/array.h"
#include "core/base/error.h"
#include "core/contract/stage.h"
#include "ops/group/aggregate_internal.h"
#include "ops/key/failed_group.h"
#include "ops/key/sort_lists.h"

#include <stdlib.h>

/* Of more tables each group would be looked for in too many. */
enum { PARTITIONS_MAX = 64, GROUPS_PER_PARTITION = 4096, UNITED_MAX = 8 };

/* Groups in the order of lanes, or of a worker: one table, or one for every hash partition. */
struct source {
    const struct sl_table *table;
    const struct sl_aggregate_part *part; /* or [partitions] */
};

struct finish {
    struct sl_aggregate *aggregate;
    struct source *source;
    size_t sources, groups;
    unsigned partitions; /* a power of two */
    /* Where there are several sources; of those that are united only the arena is used. */
    struct sl_table_apart *merged; /* [partitions] */
    bool unites;
    const struct sl_table *united[UNITED_MAX];
    uint8_t *seen[UNITED_MAX];
    struct sl_sort_list *list; /* [partitions] */
    struct sl_sorted_groups *result;
};

/* ---- what there is ---- */

static void add_source(struct finish *finish, const struct sl_table *table)
{
    if (!table->used)
        return;
    finish->source[finish->sources++] = (struct source){.table = table};
    finish->groups += table->used;
}

static void add_parts(struct finish *finish, const struct sl_aggregate_part *part)
{
    finish->source[finish->sources++] = (struct source){.part = part};
    finish->partitions = finish->aggregate->parts;
    for (unsigned p = 0; p < finish->partitions; p++)
        finish->groups += part[p].table.used;
}

static int by_position(const void *a, const void *b)
{
    return sl_position_compare(&(*(struct sl_aggregate_lane *const *)a)->position,
                               &(*(struct sl_aggregate_lane *const *)b)->position);
}

static void add_lanes(struct finish *finish)
{
    struct sl_aggregate *aggregate = finish->aggregate;
    if (aggregate->lanes > 1)
        qsort(aggregate->lane, aggregate->lanes, sizeof *aggregate->lane, by_position);
    for (size_t i = 0; i < aggregate->lanes; i++) {
        const struct sl_aggregate_part *part = sl_aggregate_parts(aggregate, aggregate->lane[i]);
        if (part)
            add_parts(finish, part);
        add_source(finish, &aggregate->lane[i]->table); /* empty where it was folded */
    }
}

static int list_sources(struct finish *finish)
{
    struct sl_aggregate *aggregate = finish->aggregate;
    unsigned workers = sl_pool_workers(aggregate->stage->pool);
    finish->source = malloc((workers + 2 * aggregate->lanes) * sizeof *finish->source);
    if (!finish->source)
        return SL_ENOMEM;
    for (unsigned w = 0; w < workers; w++)
        add_source(finish, &aggregate->own[w].table);
    if (!aggregate->reducer->ops->exact)
        add_lanes(finish);
    if (aggregate->shared)
        finish->partitions = aggregate->shared_parts;
    if (finish->partitions)
        return 0;
    finish->partitions = 1;
    while (finish->partitions < workers && finish->partitions < PARTITIONS_MAX &&
           finish->groups / finish->partitions > GROUPS_PER_PARTITION)
        finish->partitions *= 2;
    return 0;
}

/* ---- a partition ---- */

/* Those that failed are reported, unless they are kept. The list has room. */
static int list_group(const struct finish *finish, struct sl_task *task, const struct sl_group *group,
                      struct sl_sort_list *list)
{
    if (group->key.flags & SL_GROUP_FAILED && !finish->aggregate->keeps_failed)
        return sl_aggregate_report(finish->aggregate, task, group);
    if (!(group->key.flags & SL_GROUP_EMPTY))
        list->item[list->count++].key = &group->key;
    return 0;
}

/* The groups of a hash partition of the table, in no order. */
static int list_groups(const struct finish *finish, struct sl_task *task, const struct sl_table *table,
                       unsigned partition, unsigned partitions, struct sl_sort_list *list)
{
    int r = 0;
    uint64_t at = UINT64_MAX;
    size_t count = partitions == 1 ? table->used : 0;
    while (partitions > 1 && sl_table_next(table, partition, partitions, &at))
        count++;
    list->item = malloc((count + 1) * sizeof *list->item);
    if (!list->item)
        return SL_ENOMEM;
    at = UINT64_MAX;
    for (const struct sl_group *group; r == 0 && (group = sl_table_next(table, partition, partitions, &at));)
        r = list_group(finish, task, group, list);
    return r;
}

/* Where the groups of a partition of several sources come together. */
static struct sl_table *merged_table(const struct finish *finish, unsigned partition)
{
    struct sl_shared_table *shared = finish->aggregate->shared;
    return shared ? &shared[partition].table : &finish->merged[partition].table;
}

static int merge_source(struct finish *finish, struct sl_task *task, unsigned partition,
                        const struct source *source)
{
    struct sl_fold fold = {.aggregate = finish->aggregate,
                           .task = task,
                           .to = merged_table(finish, partition),
                           .from = source->table,
                           .partition = partition,
                           .partitions = finish->partitions};
    if (source->part) {
        fold.from = &source->part[partition].table;
        fold.partition = 0;
        fold.partitions = 1;
    }
    sl_arena_reset(task->scratch);
    return sl_aggregate_fold(&fold);
}

struct uniting {
    const struct finish *finish;
    struct sl_task *task;
    struct sl_sort_list *list;
    size_t capacity;
};

static int add_united(void *arg, const struct sl_group *group)
{
    struct uniting *uniting = arg;
    struct sl_sort_list *list = uniting->list;
    struct sl_sort_item *item = sl_array_grow(list->item, list->count, &uniting->capacity, sizeof *item);
    if (!item)
        return SL_ENOMEM;
    list->item = item;
    return list_group(uniting->finish, uniting->task, group, list);
}

static int unite_partition(struct finish *finish, unsigned partition, struct sl_task *task,
                           struct sl_sort_list *list)
{
    struct uniting uniting = {finish, task, list, 0};
    const struct sl_union all = {
        .aggregate = finish->aggregate,
        .task = task,
        .table = finish->united,
        .seen = finish->seen,
        .tables = finish->sources,
        .partition = partition,
        .partitions = finish->partitions,
        .keep = &finish->merged[partition].table.arena,
        .add = add_united,
        .arg = &uniting,
    };
    return sl_aggregate_unite(&all);
}

static int list_partition(struct finish *finish, unsigned partition, struct sl_task *task,
                          struct sl_sort_list *list)
{
    const struct source *only = finish->source;
    int r = 0;
    if (finish->unites)
        return unite_partition(finish, partition, task, list);
    if (finish->sources == 1 && !only->part && !finish->aggregate->shared)
        return list_groups(finish, task, only->table, partition, finish->partitions, list);
    if (finish->sources == 1 && only->part)
        return list_groups(finish, task, &only->part[partition].table, 0, 1, list);
    for (size_t s = 0; s < finish->sources && r == 0; s++)
        r = merge_source(finish, task, partition, &finish->source[s]);
    return r < 0 ? r : list_groups(finish, task, merged_table(finish, partition), 0, 1, list);
}

/* Lists are neighbours, and other workers fill theirs: this one is counted up elsewhere. */
static int finish_partition(void *arg, size_t index, struct sl_task *task)
{
    struct finish *finish = arg;
    struct sl_sort_list list = {0};
    int r = list_partition(finish, (unsigned)index, task, &list);
    finish->list[index] = list;
    return r;
}

/* ---- the result ---- */

static void place(void *arg, size_t at, const struct sl_sort_item *item, size_t count)
{
    struct finish *finish = arg;
    for (size_t i = 0; i < count; i++) {
        if (i + SL_KEYS_AHEAD < count)
            __builtin_prefetch(item[i + SL_KEYS_AHEAD].key);
        const struct sl_group *group = sl_group_of_key(item[i].key);
        struct sl_group_entry *entry = &finish->result->entry[at + i];
        entry->key = group->key;
        entry->key.flags &= SL_FIELD_ROW | SL_GROUP_FAILED;
        entry->state = group->state;
    }
}

/* Moves the memory of all tables into the result's: keys and states are scattered over them. */
static void take_memory(struct finish *finish)
{
    struct sl_aggregate *aggregate = finish->aggregate;
    struct sl_arena *memory = &finish->result->memory->arena;
    for (unsigned w = 0; w < sl_pool_workers(aggregate->stage->pool); w++)
        sl_arena_adopt(memory, &aggregate->own[w].table.arena);
    for (size_t i = 0; i < aggregate->lanes; i++)
        sl_arena_adopt(memory, &aggregate->lane[i]->table.arena);
    for (size_t i = 0; i < aggregate->paths; i++)
        for (unsigned p = 0; aggregate->path[i].part && p < aggregate->parts; p++)
            sl_arena_adopt(memory, &aggregate->path[i].part[p].table.arena);
    for (unsigned p = 0; aggregate->shared && p < aggregate->shared_parts; p++)
        sl_arena_adopt(memory, &aggregate->shared[p].table.arena);
    for (unsigned p = 0; finish->merged && p < finish->partitions; p++)
        sl_arena_adopt(memory, &finish->merged[p].table.arena);
}

static int sort_groups(struct finish *finish)
{
    size_t count = 0;
    for (unsigned p = 0; p < finish->partitions; p++)
        count += finish->list[p].count;
    finish->result = sl_sorted_groups_new(count);
    if (!finish->result)
        return SL_ENOMEM;
    finish->result->count = count;
    return sl_sort_lists(finish->aggregate->stage, finish->list, finish->partitions, place, finish);
}

/* A merged table is filled in the order of hashes, and in it that is the order of slots, too. */
static bool make_merged(struct finish *finish)
{
    if (finish->sources < 2 || finish->aggregate->shared)
        return true;
    finish->merged = sl_apart_new(finish->partitions, sizeof *finish->merged);
    for (unsigned p = 0; finish->merged && p < finish->partitions; p++)
        sl_table_init(&finish->merged[p].table, finish->partitions);
    return finish->merged != NULL;
}

static bool make_union(struct finish *finish)
{
    const struct sl_aggregate *aggregate = finish->aggregate;
    finish->unites = finish->sources > 1 && finish->sources <= UNITED_MAX && aggregate->reducer->ops->exact &&
                     !aggregate->shared;
    for (size_t s = 0; finish->unites && s < finish->sources; s++) {
        finish->united[s] = finish->source[s].table;
        finish->seen[s] = s > 0 ? calloc(finish->united[s]->capacity, 1) : NULL;
        if (s > 0 && !finish->seen[s])
            return false;
    }
    return true;
}

static int finish_all(struct finish *finish)
{
    struct sl_stage *stage = finish->aggregate->stage;
    int r = list_sources(finish);
    if (r < 0)
        return r;
    finish->list = calloc(finish->partitions, sizeof *finish->list);
    if (!finish->list || !make_merged(finish) || !make_union(finish))
        return SL_ENOMEM;
    if (finish->sources || finish->aggregate->shared)
        r = sl_stage_run(stage, finish->partitions, finish_partition, finish);
    return r < 0 ? r : sort_groups(finish);
}

int sl_aggregate_finish(struct sl_aggregate *aggregate, struct sl_sorted_groups **ret)
{
    struct finish finish = {.aggregate = aggregate};
    int r = finish_all(&finish);
    if (r == 0) {
        take_memory(&finish);
        *ret = finish.result;
    } else {
        sl_sorted_groups_unref(finish.result);
    }
    for (unsigned p = 0; p < finish.partitions; p++) {
        if (finish.merged)
            sl_table_done(&finish.merged[p].table);
        if (finish.list)
            free(finish.list[p].item);
    }
    for (size_t s = 0; s < UNITED_MAX; s++)
        free(finish.seen[s]);
    free(finish.merged);
    free(finish.list);
    free(finish.source);
    return r;
}
