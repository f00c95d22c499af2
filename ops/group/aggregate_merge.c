/* From runs of groups on disk to the rows of the result: all runs are read as one, in the order of keys, the
 * records of one key are combined, and the result is written to disk again, from where the dataset's readers
 * have it. Nothing but one key's groups and a block of every run is in memory. Ranges of keys are merged on
 * all workers. */
#include "core/base/error.h"
#include "core/contract/stage.h"
#include "ops/group/aggregate_internal.h"
#include "ops/key/failed_group.h"

/* ---- one key ---- */

/* The groups of one key on their way: lanes are combined to paths, paths to the whole, all from left to
 * right. A group that is not there has no flags. */
struct gathering {
    struct sl_aggregate *aggregate;
    enum sl_result_form shape;
    bool as_states; /* groups are not finished: ops/key/sorted_groups.h, rows */
    struct sl_task *task;
    struct sl_spill_file *file; /* the rows of the result */
    struct sl_arena *keep;      /* of one key */
    size_t settled;             /* bytes of that when it held nothing else than the groups */
    struct sl_group lane, path, whole;
    uint32_t number; /* of the lane */
    uint32_t path_number;
};

static int combine_into(struct gathering *g, struct sl_group *to, struct sl_group *from)
{
    int r = 0;
    if (!(from->key.flags & SL_GROUP_TAKEN))
        return 0;
    if (to->key.flags & SL_GROUP_TAKEN)
        r = sl_aggregate_combine_groups(g->aggregate, g->task, g->keep, to, from);
    else
        *to = *from;
    from->key.flags = 0;
    return r;
}

/* The lane's group is complete. */
static int end_lane(struct gathering *g)
{
    if (!(g->lane.key.flags & SL_GROUP_TAKEN))
        return 0;
    uint32_t path = g->aggregate->lane[g->number]->position.path;
    int r = path != g->path_number ? combine_into(g, &g->whole, &g->path) : 0;
    g->path_number = path;
    return r < 0 ? r : combine_into(g, &g->path, &g->lane);
}

static int end_key(struct gathering *g)
{
    int r = end_lane(g);
    return r < 0 ? r : combine_into(g, &g->whole, &g->path);
}

static int read_group(struct gathering *g, const struct sl_field *row, struct sl_group *ret)
{
    struct sl_group group;
    int r = sl_aggregate_read_group(g->aggregate, g->task, g->keep, row, &group);
    uint8_t flags = group.key.flags;
    if (r < 0)
        return r;
    if (!sl_field_copy(g->keep, &row[0], &group.key))
        return SL_ENOMEM;
    group.key.flags = flags;
    *ret = group;
    return 0;
}

/* A value is refused after all: where its record came from is not known any more. */
static int reject_value(struct gathering *g, const struct sl_field *value)
{
    struct sl_field row[SL_WIDTH_MAX] = {g->lane.key};
    struct sl_chunk chunk = {.rows = 1, .width = 1};
    bool several = value->tag == SL_LIST && value->flags & SL_FIELD_ROW;
    const struct sl_field *fields = several ? value->items : value;
    row[0].flags = 0;
    if (g->aggregate->key_of != SL_KEY_FIELD)
        chunk.width = 0;
    for (uint32_t i = 0; i < (several ? value->len : 1) && chunk.width < SL_WIDTH_MAX; i++)
        row[chunk.width++] = fields[i];
    for (uint32_t c = 0; c < chunk.width; c++)
        chunk.column[c] = &row[c];
    return sl_task_reject(g->task, g->aggregate->stage->node->number, &chunk, 0);
}

static int merge_value(struct gathering *g, const struct sl_field *value)
{
    const struct sl_reducer *reducer = g->aggregate->reducer;
    struct sl_group *group = &g->lane;
    int r;
    if (group->key.flags & SL_GROUP_FAILED) {
        sl_failed_group_add(&group->state, 1);
        return 0;
    }
    if (group->key.flags & SL_GROUP_EMPTY) {
        r = reducer->ops->create(reducer, g->task, g->keep, value, &group->state);
        if (r == 0)
            group->key.flags &= (uint8_t)~SL_GROUP_EMPTY;
    } else {
        r = reducer->ops->merge(reducer, g->task, g->keep, &group->state, value);
    }
    if (r == SL_EREJECT)
        return reject_value(g, value);
    if (r != SL_EGROUP)
        return r;
    return sl_group_fail(group, g->task, g->keep, value, sl_group_records(reducer, group) + 1);
}

static int move_group(struct gathering *g, struct sl_arena *to, struct sl_group *group)
{
    struct sl_group_entry old = {group->key, group->state}, copy = {.key = sl_nil()};
    uint8_t flags = group->key.flags;
    if (!(flags & SL_GROUP_TAKEN))
        return 0;
    if (!sl_field_copy(to, &group->key, &copy.key))
        return SL_ENOMEM;
    int r = flags & SL_GROUP_EMPTY ? 0 : sl_entry_copy_state(g->aggregate->reducer, g->task, to, &old, &copy);
    group->key = copy.key;
    group->key.flags = flags;
    group->state = copy.state;
    return r;
}

enum { GARBAGE_MIN = 256 << 10 };

/* Adding a value to a key makes a new state, and the old one stays in the arena: once such garbage is as large as the groups,
 * the groups are copied to a new arena. */
static int drop_garbage(struct gathering *g)
{
    struct sl_group *const group[] = {&g->lane, &g->path, &g->whole};
    struct sl_arena fresh = {0};
    int r = 0;
    if (g->keep->bytes <= 2 * g->settled + GARBAGE_MIN)
        return 0;
    for (size_t i = 0; i < sizeof group / sizeof *group && r == 0; i++)
        r = move_group(g, &fresh, group[i]);
    sl_arena_done(g->keep);
    *g->keep = fresh;
    g->settled = fresh.bytes;
    return r;
}

static int add_values(struct gathering *g, const struct sl_field *list)
{
    int r = list->tag == SL_LIST ? 0 : sl_error_set(g->task->err, SL_EFAIL, "a stored list is damaged");
    for (uint32_t i = 0; r == 0 && i < list->len; i++) {
        struct sl_arena_mark mark = sl_arena_mark(g->task->scratch);
        r = merge_value(g, &list->items[i]);
        sl_arena_release(g->task->scratch, mark);
        r = r < 0 ? r : drop_garbage(g);
    }
    return r;
}

/* A row of the key's: of its first lane, the same lane, or the next one. */
static int add_row(void *arg, const struct sl_field *row)
{
    struct gathering *g = arg;
    enum sl_spilled_kind kind = sl_spilled_kind(row[1].integer);
    uint32_t number = sl_spilled_lane(row[1].integer);
    struct sl_group group;
    int r = 0;
    if (g->aggregate->reducer->ops->exact) {
        r = read_group(g, row, &group);
        return r < 0 ? r : combine_into(g, &g->whole, &group);
    }
    if (!(g->lane.key.flags & SL_GROUP_TAKEN) || g->number != number) {
        r = end_lane(g);
        r = r < 0 ? r : read_group(g, row, &g->lane);
        g->number = number;
    } else if (kind != SL_SPILLED_VALUES) {
        return 0; /* what a lane had on disk already has an empty group too */
    }
    return r == 0 && kind == SL_SPILLED_VALUES ? add_values(g, &row[2]) : r;
}

/* ---- a range of keys ---- */

static int write_state(const struct gathering *g)
{
    struct sl_group_entry entry = {g->whole.key, g->whole.state};
    struct sl_field row[SL_ENTRY_FIELDS_MAX];
    uint32_t width;
    entry.key.flags &= SL_FIELD_ROW | SL_GROUP_FAILED;
    int r = sl_entry_to_row(g->aggregate->reducer, g->task, &entry, row, &width);
    return r < 0 ? r : g->aggregate->runs.spill->ops->row(g->file, row, width, g->task->err);
}

static int write_result(const struct gathering *g)
{
    const struct sl_aggregate *aggregate = g->aggregate;
    struct sl_field pair[2];
    const struct sl_field *row;
    uint32_t width = 0;
    if (g->whole.key.flags & SL_GROUP_FAILED)
        return sl_aggregate_report(aggregate, g->task, &g->whole);
    struct sl_group_entry entry = {g->whole.key, g->whole.state};
    entry.key.flags &= SL_FIELD_ROW;
    int r = sl_group_entry_row(aggregate->stage, aggregate->reducer, g->shape, g->task, &entry, pair, &row,
                               &width);
    return r < 0 || !width ? r : aggregate->runs.spill->ops->row(g->file, row, width, g->task->err);
}

static int write_key(void *arg)
{
    struct gathering *g = arg;
    int r = end_key(g);
    if (r < 0 || !(g->whole.key.flags & SL_GROUP_TAKEN) || g->whole.key.flags & SL_GROUP_EMPTY)
        return r;
    return g->as_states ? write_state(g) : write_result(g);
}

static void begin_key(void *arg)
{
    struct gathering *g = arg;
    sl_arena_reset(g->keep);
    sl_arena_reset(g->task->scratch);
    g->settled = 0;
    g->lane.key.flags = g->path.key.flags = g->whole.key.flags = 0;
}

/* The key that is gathered, in any of the groups: at least one has it. */
static const struct sl_field *current_key(const void *arg)
{
    const struct gathering *g = arg;
    const struct sl_group *const group[] = {&g->lane, &g->path, &g->whole};
    for (size_t i = 0; i < sizeof group / sizeof *group; i++)
        if (group[i]->key.flags & SL_GROUP_TAKEN)
            return &group[i]->key;
    return NULL;
}

static const struct sl_gatherer gatherer = {begin_key, current_key, add_row, write_key};

static int write_range(void *arg, struct sl_merge *merge, struct sl_task *task, struct sl_spill_file *file)
{
    const struct gathering *all = arg;
    struct sl_arena keep = {0};
    struct gathering g = *all;
    g.task = task;
    g.file = file;
    g.keep = &keep;
    int r = sl_merge_gather(merge, task, &gatherer, &g);
    sl_arena_done(&keep);
    return r;
}

/* ---- everything ---- */

/* A lane's own groups, or those of it and the lanes after it that were folded into it: they have its position. */
static int spill_lane(struct sl_aggregate *aggregate, struct sl_task *task, struct sl_aggregate_lane *lane)
{
    struct sl_aggregate_part *part = sl_aggregate_parts(aggregate, lane);
    int r = sl_aggregate_spill_table(aggregate, task, lane, &lane->table);
    for (unsigned p = 0; part && r == 0 && p < aggregate->parts; p++)
        r = sl_aggregate_spill_table(aggregate, task, lane, &part[p].table);
    return r;
}

static int spill_rest(void *arg, size_t number, struct sl_task *task)
{
    struct sl_aggregate *aggregate = arg;
    bool exact = aggregate->reducer->ops->exact;
    return exact ? sl_aggregate_spill_table(aggregate, task, NULL, &aggregate->own[number].table)
                 : spill_lane(aggregate, task, aggregate->lane[number]);
}

int sl_aggregate_spill_rest(struct sl_aggregate *aggregate)
{
    struct sl_stage *stage = aggregate->stage;
    size_t tables = aggregate->reducer->ops->exact ? sl_pool_workers(stage->pool) : aggregate->lanes;
    return sl_stage_run(stage, tables, spill_rest, aggregate);
}

static int merge_all(struct gathering *all, struct sl_dataset **ret)
{
    struct sl_aggregate *aggregate = all->aggregate;
    int r = sl_spilled_parts_is_open(&aggregate->dealt) ? sl_aggregate_sort_parts(aggregate)
                                                        : sl_aggregate_spill_rest(aggregate);
    return r < 0 ? r : sl_spilled_runs_merge(&aggregate->runs, false, write_range, all, ret);
}

int sl_aggregate_rows(struct sl_aggregate *aggregate, enum sl_result_form shape, struct sl_dataset **ret)
{
    struct gathering all = {.aggregate = aggregate, .shape = shape};
    return merge_all(&all, ret);
}

int sl_aggregate_states(struct sl_aggregate *aggregate, struct sl_spill_file **file, struct sl_dataset **ret)
{
    struct gathering all = {.aggregate = aggregate, .as_states = true};
    aggregate->runs.result_file = file;
    return merge_all(&all, ret);
}
