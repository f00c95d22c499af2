/* joinWithin(other, within [, how]): pairs of two streams by key whose times differ by at most `within`.
 *
 * A key's records of both streams are one cell of a timed map (ops/event/join_within_state.h). A record stays until the watermark has passed the last time that could join it; then
 * it is removed, and where it has not been matched and its side is to be shown it gives a row without the other side. A batch first
 * removes what is over, then joins its records with all that is there. Records older than the watermark are late: what
 * they might join may have been removed.
 *
 * Rows of each stream are grouped by key as {time, value} (ops/group/aggregate.h). On disk (key, {left, right}, due). */
#include "core/base/error.h"
#include "core/contract/services.h"
#include "core/contract/stage.h"
#include "ops/event/brought_keys.h"
#include "ops/event/join_within_state.h"
#include "ops/event/sorted_result.h"
#include "ops/event/upstream.h"
#include "ops/group/aggregate.h"
#include "ops/key/pair_key.h"
#include "ops/reducer/reducers.h"

#include <stdlib.h>

/* Of one batch. */
struct sides {
    struct sl_aggregate aggregate[SL_JOIN_SIDES];
};

/* ---- rows on their way ---- */

static bool pack_row(struct sl_arena *arena, const struct sl_chunk *in, uint32_t row, struct sl_field *ret)
{
    uint32_t width = in->width - 1;
    struct sl_field *items = sl_arena_alloc(arena, (2 + (size_t)width) * sizeof *items);
    if (!items)
        return false;
    items[0] = sl_integer(in->time[row]);
    items[1] = in->column[1][row];
    for (uint32_t c = 0; width > 1 && c < width; c++)
        items[2 + c] = in->column[1 + c][row];
    if (width > 1)
        items[1] = sl_list(items + 2, width);
    items[1].flags = 0;
    *ret = sl_list(items, 2);
    return true;
}

static struct sl_aggregate *aggregate_of(struct sl_stage *stage, const struct sl_lane *lane)
{
    struct sides *sides = stage->state;
    return &sides->aggregate[lane->position.input ? SL_JOIN_SIDE_RIGHT : SL_JOIN_SIDE_LEFT];
}

static int lane_open(struct sl_stage *stage, struct sl_lane *lane)
{
    return sl_aggregate_lane_open(aggregate_of(stage, lane), lane);
}

static int lane_close(struct sl_stage *stage, struct sl_lane *lane)
{
    return sl_aggregate_lane_close(aggregate_of(stage, lane), lane);
}

/* Late records are counted, keys that are maps set aside; the numbers of the others. */
static int choose(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in, uint16_t *rows,
                  uint32_t *ret_count)
{
    uint32_t count = 0;
    int r = 0;
    for (uint32_t row = 0; r == 0 && row < in->rows; row++) {
        if (stage->watermark_ms != SL_NO_TIME && in->time[row] < stage->watermark_ms)
            r = sl_task_late(lane->task, stage->node->number, in, row);
        else if (sl_key_check(stage->node, lane->task, &in->column[0][row]) < 0)
            r = sl_task_reject(lane->task, stage->node->number, in, row);
        else
            rows[count++] = (uint16_t)row;
    }
    *ret_count = count;
    return r;
}

static int push(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in)
{
    struct sl_chunk kept;
    uint16_t rows[SL_CHUNK_ROWS];
    uint32_t count;
    if (in->width < 2)
        return sl_pairs_reject(stage->node, lane->task, in);
    int r = choose(stage, lane, in, rows, &count);
    if (r < 0 || !count)
        return r;
    struct sl_field *value = sl_arena_alloc(lane->task->scratch, count * sizeof *value);
    if (!value || !sl_chunk_gather(lane->task->scratch, in, rows, count, &kept))
        return SL_ENOMEM;
    for (uint32_t row = 0; row < count; row++)
        if (!pack_row(lane->task->scratch, &kept, row, &value[row]))
            return SL_ENOMEM;
    struct sl_chunk pairs = {.rows = count, .width = 2, .column = {kept.column[0], value}};
    lane->shown = &kept;
    r = sl_aggregate_push(aggregate_of(stage, lane), lane, &pairs);
    lane->shown = NULL;
    return r;
}

/* ---- a key's records ---- */

struct entry {
    int64_t time;
    struct sl_field value;
    bool matched, is_new;
};

struct lists {
    struct entry *entry[SL_JOIN_SIDES];
    uint32_t count[SL_JOIN_SIDES];
};

struct batch {
    struct sl_stage *stage;
    struct sl_timed_map *timed;
    int64_t within_ms;
    enum sl_join_how how;
    struct sl_sorted_result result;
    struct sl_brought_keys brought;
};

static int add_row(struct sl_result_part *part, const struct sl_field *key, const struct entry *left,
                   const struct entry *right)
{
    struct sl_field by[SL_RESULT_KEYS] = {*key, sl_integer(left ? left->time : SL_NO_TIME),
                                          sl_integer(right ? right->time : SL_NO_TIME)};
    const struct sl_field value[SL_RESULT_VALUES] = {left ? left->value : sl_nil(),
                                                     right ? right->value : sl_nil()};
    by[0].flags = 0;
    return sl_result_part_add(part, by, value);
}

/* `more` entries can be added to each side. */
static int read_lists(struct sl_task *task, const struct sl_state_entry *cell, uint32_t more,
                      struct lists *ret)
{
    *ret = (struct lists){0};
    for (int side = 0; side < SL_JOIN_SIDES; side++) {
        const struct sl_field *list = cell->exists ? &cell->value.items[side] : NULL;
        uint32_t count = list ? list->len : 0;
        ret->entry[side] =
            sl_arena_alloc(task->scratch, ((size_t)count + more + 1) * sizeof *ret->entry[side]);
        if (!ret->entry[side])
            return SL_ENOMEM;
        for (uint32_t i = 0; i < count; i++) {
            const struct sl_field *field = list->items[i].items;
            ret->entry[side][i] = (struct entry){field[0].integer, field[1], field[2].boolean, false};
        }
        ret->count[side] = count;
    }
    return 0;
}

static struct sl_field list_of(struct sl_task *task, const struct entry *entry, uint32_t count, bool *ok)
{
    struct sl_field *list = sl_arena_alloc(task->scratch, ((size_t)count + 1) * sizeof *list);
    struct sl_field *field =
        sl_arena_alloc(task->scratch, SL_JOIN_FIELDS * ((size_t)count + 1) * sizeof *field);
    *ok = *ok && list && field;
    for (uint32_t i = 0; *ok && i < count; i++, field += SL_JOIN_FIELDS) {
        field[0] = sl_integer(entry[i].time);
        field[1] = entry[i].value;
        field[2] = sl_boolean(entry[i].matched);
        list[i] = sl_list(field, SL_JOIN_FIELDS);
    }
    return sl_list(list, count);
}

static int write_lists(const struct batch *batch, struct sl_task *task, unsigned number,
                       struct sl_state_entry *cell, const struct lists *lists)
{
    struct sl_field sides[SL_JOIN_SIDES];
    int64_t due_ms = INT64_MAX;
    bool ok = true;
    if (!lists->count[SL_JOIN_SIDE_LEFT] && !lists->count[SL_JOIN_SIDE_RIGHT])
        return cell->exists ? sl_state_shard_remove(&batch->timed->map.part[number], cell) : 0;
    for (int side = 0; side < SL_JOIN_SIDES; side++) {
        sides[side] = list_of(task, lists->entry[side], lists->count[side], &ok);
        if (lists->count[side] && lists->entry[side][0].time + batch->within_ms < due_ms)
            due_ms = lists->entry[side][0].time + batch->within_ms;
    }
    struct sl_field value = sl_list(sides, SL_JOIN_SIDES);
    return ok ? sl_timed_map_put(batch->timed, number, cell, &value, due_ms) : SL_ENOMEM;
}

static bool shows_alone(const struct batch *batch, int side)
{
    return batch->how == SL_JOIN_FULL || (batch->how == SL_JOIN_LEFT && side == SL_JOIN_SIDE_LEFT);
}

/* Removes what the watermark has passed. */
static int remove_passed(void *arg, struct sl_task *task, unsigned number, struct sl_state_entry *cell)
{
    struct batch *batch = arg;
    struct sl_result_part *part = &batch->result.part[number];
    struct lists lists;
    int r = read_lists(task, cell, 0, &lists);
    for (int side = 0; r == 0 && side < SL_JOIN_SIDES; side++) {
        uint32_t gone = 0;
        for (; r == 0 && gone < lists.count[side]; gone++) {
            const struct entry *entry = &lists.entry[side][gone];
            if (entry->time + batch->within_ms >= batch->stage->watermark_ms)
                break;
            if (!entry->matched && shows_alone(batch, side))
                r = add_row(part, &cell->key, side == SL_JOIN_SIDE_LEFT ? entry : NULL,
                            side == SL_JOIN_SIDE_RIGHT ? entry : NULL);
        }
        lists.entry[side] += gone;
        lists.count[side] -= gone;
    }
    return r < 0 ? r : write_lists(batch, task, number, cell, &lists);
}

/* After those of the same time that were there. */
static void insert(struct lists *lists, int side, const struct entry *entry)
{
    struct entry *list = lists->entry[side];
    uint32_t at = lists->count[side]++;
    for (; at && list[at - 1].time > entry->time; at--)
        list[at] = list[at - 1];
    list[at] = *entry;
}

static int join_lists(const struct batch *batch, struct sl_result_part *part, const struct sl_field *key,
                      struct lists *lists)
{
    uint32_t first = 0;
    int r = 0;
    for (uint32_t l = 0; l < lists->count[SL_JOIN_SIDE_LEFT]; l++) {
        struct entry *left = &lists->entry[SL_JOIN_SIDE_LEFT][l];
        while (first < lists->count[SL_JOIN_SIDE_RIGHT] &&
               lists->entry[SL_JOIN_SIDE_RIGHT][first].time < left->time - batch->within_ms)
            first++;
        for (uint32_t i = first; r == 0 && i < lists->count[SL_JOIN_SIDE_RIGHT]; i++) {
            struct entry *right = &lists->entry[SL_JOIN_SIDE_RIGHT][i];
            if (right->time > left->time + batch->within_ms)
                break;
            if (!left->is_new && !right->is_new)
                continue;
            left->matched = right->matched = true;
            r = add_row(part, key, left, right);
        }
    }
    return r;
}

static void insert_new(struct lists *lists, const struct sl_field list[SL_JOIN_SIDES])
{
    for (int side = 0; side < SL_JOIN_SIDES; side++)
        for (uint32_t i = 0; i < list[side].len; i++) {
            const struct sl_field *item = list[side].items[i].items;
            struct entry entry = {item[0].integer, item[1], false, true};
            insert(lists, side, &entry);
        }
}

static int join_key(struct batch *batch, struct sl_task *task, unsigned number,
                    const struct sl_brought_key *brought)
{
    struct sl_field list[SL_JOIN_SIDES] = {sl_list(NULL, 0), sl_list(NULL, 0)};
    struct sl_state_entry *cell;
    struct lists lists;
    int r = sl_state_map_find(&batch->timed->map, task, brought->key, brought->hash, &cell);
    for (unsigned side = 0; r == 0 && side < SL_JOIN_SIDES; side++)
        r = sl_brought_key_list(brought, side, task, &list[side]);
    r = r < 0 ? r
              : read_lists(task, cell, list[SL_JOIN_SIDE_LEFT].len + list[SL_JOIN_SIDE_RIGHT].len, &lists);
    if (r < 0)
        return r;
    insert_new(&lists, list);
    r = join_lists(batch, &batch->result.part[number], &cell->key, &lists);
    return r < 0 ? r : write_lists(batch, task, number, cell, &lists);
}

static int join_part(void *arg, size_t number, struct sl_task *task)
{
    struct batch *batch = arg;
    const struct sl_brought_part *part = &batch->brought.part[number];
    int r = 0;
    for (size_t i = 0; r == 0 && i < part->keys; i++) {
        sl_arena_reset(task->scratch);
        r = join_key(batch, task, (unsigned)number, &part->key[i]);
    }
    return r;
}

/* ---- the batch ---- */

static int give_room(void *arg)
{
    struct batch *batch = arg;
    return sl_sorted_result_make_room(&batch->result);
}

static int remove_due(struct batch *batch)
{
    const struct sl_timed_map_work work = {remove_passed, give_room, batch};
    return batch->stage->watermark_ms == SL_NO_TIME
               ? 0
               : sl_timed_map_visit_due(batch->timed, batch->stage, batch->stage->watermark_ms, &work);
}

/* Between rounds no cell is in use. */
static int join_brought(struct batch *batch)
{
    struct sides *sides = batch->stage->state;
    struct sl_aggregate *const aggregate[SL_JOIN_SIDES] = {&sides->aggregate[SL_JOIN_SIDE_LEFT],
                                                           &sides->aggregate[SL_JOIN_SIDE_RIGHT]};
    int r = sl_brought_keys_open(&batch->brought, batch->stage, aggregate, SL_JOIN_SIDES);
    while (r == 0 && (r = sl_brought_keys_next(&batch->brought)) > 0) {
        r = sl_timed_map_make_room(batch->timed, batch->stage);
        r = r < 0 ? r : sl_stage_run(batch->stage, SL_PARTS, join_part, batch);
        r = r < 0 ? r : give_room(batch);
    }
    return r;
}

static int make_row(struct sl_stage *stage, struct sl_task *task, const struct sl_result_row *row,
                    struct sl_field fields[SL_WIDTH_MAX], uint32_t *ret_width)
{
    fields[0] = row->by[0];
    fields[1] = row->value[SL_JOIN_SIDE_LEFT];
    fields[2] = row->value[SL_JOIN_SIDE_RIGHT];
    *ret_width = 3;
    return 0;
}

static int join(struct batch *batch, struct sl_dataset **ret)
{
    struct sl_stage *stage = batch->stage;
    int r = sl_timed_map_bound(batch->timed, stage);
    r = r < 0 ? r : sl_sorted_result_init(&batch->result, stage);
    if (r == 0 && !stage->services->durable)
        r = sl_timed_map_forget_changes(batch->timed, stage);
    r = r < 0 ? r : remove_due(batch);
    r = r < 0 ? r : join_brought(batch);
    return r < 0 ? r : sl_sorted_result_show(&batch->result, make_row, ret);
}

static int finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct sl_join_memory *memory = stage->memory;
    struct batch *batch = calloc(1, sizeof *batch);
    if (!batch)
        return SL_ENOMEM;
    batch->stage = stage;
    batch->timed = &memory->timed;
    batch->within_ms = sl_node_integer(stage->node, 1, 0);
    batch->how = (enum sl_join_how)sl_join_how(stage->node);
    int r = join(batch, ret);
    sl_brought_keys_done(&batch->brought);
    sl_sorted_result_done(&batch->result);
    free(batch);
    if (r < 0)
        return r;
    memory->due_ms =
        sl_join_how(stage->node) == SL_JOIN_INNER ? INT64_MAX : sl_timed_map_next_due(&memory->timed);
    stage->said = stage->has_input || (*ret)->count;
    return 0;
}

static int begin(struct sl_stage *stage)
{
    struct sides *sides = stage->state;
    int r = 0;
    for (unsigned side = 0; r == 0 && side < SL_JOIN_SIDES; side++)
        r = sl_aggregate_init(&sides->aggregate[side], stage, &sl_reducer_list, SL_KEY_FIELD);
    for (unsigned side = 0; r == 0 && side < SL_JOIN_SIDES; side++)
        r = sl_spilled_runs_init(&sides->aggregate[side].runs, stage);
    return r;
}

static void done(struct sl_stage *stage)
{
    struct sides *sides = stage->state;
    for (int side = 0; side < SL_JOIN_SIDES; side++)
        sl_aggregate_done(&sides->aggregate[side]);
}

static bool due(const struct sl_node *node, const void *memory, int64_t watermark_ms)
{
    const struct sl_join_memory *own = memory;
    if (watermark_ms == SL_NO_TIME || sl_join_how(node) == SL_JOIN_INNER)
        return false;
    return own->due_ms < watermark_ms || sl_timed_map_has_due_on_disk(&own->timed, watermark_ms);
}

static int check(struct sl_node *node, struct sl_error *err)
{
    if (sl_join_how(node) < 0) {
        struct sl_field how = sl_node_value(node, 2);
        sl_error_set(err, SL_EUSAGE, "joinWithin: how must be \"inner\", \"left\" or \"full\"");
        return sl_error_got(err, &how);
    }
    return sl_require_timed(node, err);
}

static const struct sl_wide join_within_wide = {
    .state_size = sizeof(struct sides),
    .begin = begin,
    .lane_open = lane_open,
    .lane_close = lane_close,
    .push = push,
    .finish = finish,
    .done = done,
    .bounded = 4, /* the records of both sides, keys in memory, rows */
    .memory_size = sizeof(struct sl_join_memory),
    .memory_open = sl_join_memory_open,
    .memory_done = sl_join_memory_done,
    .due = due,
    .save = sl_join_save,
    .load = sl_join_load,
    .loaded = sl_join_loaded,
};

static const struct sl_param params[] = {
    {"other", SL_WANT_STREAM, false, "the stream to join, of pairs with event times too"},
    {"within", SL_WANT_DURATION | SL_WANT_ZERO, false, "how far apart the times may be, at most"},
    {"how", SL_WANT_STRING, true,
     "\"inner\", \"left\" or \"full\": which records without a partner are given too"},
    {0},
};

const struct sl_op sl_op_join_within = {
    .name = "joinWithin",
    .kind = SL_OP_WIDE,
    .family = "event time",
    .summary =
        "Pairs the records of two streams that have one key and times close to each other: (key, left, right)",
    .example = "s:map(sluice.pair(1)):withWatermark(function() return 1000 end, 0)"
               ":joinWithin(s2:map(sluice.pair(2)):withWatermark(function() return 2000 end, 0), \"5m\")",
    .params = params,
    .wide = &join_within_wide,
    .check = check,
};
