/* updateStateByKey(f [, n] [, {initial=}]): every batch, f(values, state, key, time) for every key that has
 * state or new values; what it returns is the key's new state, nil removes it.
 *
 * The state is a dataset of rows (key, state) in the order of keys, and so is the result: one and the same. A
 * batch walks the old dataset beside its groups, in pieces that the workers share, and makes the new one. Both are
 * only ever read from beginning to end, so that with a memoryLimit what is too large of either, and of what changed,
 * is on disk.
 *
 * What math.random gives in a call depends on the key and the batch, not on where the state was cut, nor in which process
 * its shard is. */
#include "ops/state/update_state.h"

#include "core/base/error.h"
#include "core/contract/row_buffer.h"
#include "core/contract/stage.h"
#include "ops/group/by_key.h"
#include "ops/reducer/reducers.h"
#include "ops/state/brought_groups.h"
#include "ops/state/initial_state.h"
#include "ops/state/update_calls.h"

#include <stdlib.h>
#include <string.h>

static int memory_open(const struct sl_node *node, void *memory, struct sl_error *err)
{
    struct sl_update_state *own = memory;
    return sl_initial_state_dataset(sl_node_option(node, "initial"), &own->state, err);
}

static void memory_done(void *memory)
{
    struct sl_update_state *own = memory;
    sl_dataset_unref(own->state);
    sl_dataset_unref(own->changed);
    sl_update_state_drop_sections(own);
}

static bool wants(const struct sl_node *node, const void *memory, int64_t t)
{
    const struct sl_update_state *own = memory;
    return own->state && own->state->count && t % node->slide_ms == 0;
}

/* Runs that a dataset has in several slices follow each other. */
static int64_t bytes_of(const struct sl_dataset *dataset)
{
    const struct sl_rows *before = NULL;
    int64_t bytes = 0;
    for (size_t p = 0; p < dataset->partitions; p++)
        for (size_t i = 0; i < dataset->partition[p].slices; i++) {
            const struct sl_rows *rows = dataset->partition[p].slice[i].rows;
            if (rows != before)
                bytes += (int64_t)rows->arena.bytes + (rows->memory ? (int64_t)rows->memory->arena.bytes : 0);
            before = rows;
        }
    return bytes;
}

static void held(const void *memory, struct sl_held *ret)
{
    const struct sl_update_state *own = memory;
    ret->keys = own->state ? (int64_t)own->state->count : 0;
    ret->bytes = own->state ? bytes_of(own->state) : 0;
}

/* ---- one piece: records [from, to) of the old state beside groups [group, group_end) ---- */

enum { PIECE_RECORDS = 16 * SL_CHUNK_ROWS };

/* Where one piece's rows go. */
struct result {
    struct sl_row_buffer rows, changed;
};

struct update {
    struct sl_stage *stage;
    const struct sl_dataset *old;
    const struct sl_brought_groups *groups;
    struct sl_row_buffers piles; /* of both */
    struct result *result;       /* [pieces] */
    size_t pieces;
};

/* The first group whose key is not before that of a piece; the pieces begin at multiples of PIECE_RECORDS. */
static size_t first_group(const struct update *update, size_t piece)
{
    struct sl_arena block = {0};
    struct sl_field key;
    size_t first = sl_brought_groups_count(update->groups);
    if (piece == 0)
        return 0;
    if (piece < update->pieces && sl_key_of_record(update->old, piece * PIECE_RECORDS, &block, &key))
        first = sl_brought_groups_first(update->groups, &key);
    sl_arena_done(&block);
    return first;
}

struct walk {
    struct update *update;
    struct result *result;
    struct sl_cursor cursor;     /* of the old state */
    struct sl_cursor group_rows; /* of groups that are rows */
    struct sl_arena block, group_block;
    uint64_t records; /* of the old state, left */
    struct sl_field old[SL_WIDTH_MAX];
    bool has_old;
    size_t group, group_end;
    struct sl_field brought[SL_WIDTH_MAX]; /* the group's key, and its values where groups are rows */
    bool has_group;
    struct sl_update_calls calls;
};

static void next_old(struct walk *walk)
{
    uint32_t width;
    walk->has_old = walk->records && sl_cursor_next(&walk->cursor, walk->old, &width);
    walk->records -= walk->has_old;
}

/* A row that cannot be read back ends the piece; the engine finds out before the result is used. */
static void next_group(struct walk *walk)
{
    const struct sl_brought_groups *groups = walk->update->groups;
    uint32_t width;
    walk->has_group = walk->group < walk->group_end;
    if (walk->has_group && groups->rows)
        walk->has_group = sl_cursor_next(&walk->group_rows, walk->brought, &width);
    else if (walk->has_group)
        walk->brought[0] = groups->sorted->entry[walk->group].key;
    walk->group++;
}

static int values_of(struct walk *walk, struct sl_field *ret)
{
    const struct sl_brought_groups *groups = walk->update->groups;
    if (groups->sorted)
        return sl_reducer_list.ops->finish(&sl_reducer_list, walk->calls.task,
                                           &groups->sorted->entry[walk->group - 1].state, ret);
    *ret = walk->brought[1];
    return 0;
}

/* The group or the record that is first; one of each where the key has both. */
static int step(struct walk *walk)
{
    int order = !walk->has_group ? -1
                : !walk->has_old ? 1
                                 : sl_field_compare(&walk->old[0], &walk->brought[0]);
    bool is_old = order <= 0, is_group = order >= 0;
    bool is_passing = (is_old && sl_cursor_is_passing(&walk->cursor)) ||
                      (is_group && sl_cursor_is_passing(&walk->group_rows));
    struct sl_field values = sl_list(NULL, 0);
    int r = is_group ? values_of(walk, &values) : 0;
    if (r == 0)
        r = sl_update_calls_add(&walk->calls, is_old ? &walk->old[0] : &walk->brought[0], &values,
                                is_old ? &walk->old[1] : NULL, is_passing);
    if (is_group)
        next_group(walk);
    if (is_old)
        next_old(walk);
    return r;
}

static void walk_begin(struct walk *walk, size_t piece)
{
    const struct update *update = walk->update;
    walk->records = PIECE_RECORDS;
    walk->group = first_group(update, piece);
    walk->group_end = first_group(update, piece + 1);
    sl_cursor_pass(&walk->cursor, update->old, &walk->block);
    sl_cursor_seek(&walk->cursor, piece * PIECE_RECORDS);
    if (update->groups->rows) {
        sl_cursor_pass(&walk->group_rows, update->groups->rows, &walk->group_block);
        sl_cursor_seek(&walk->group_rows, walk->group);
    }
    next_old(walk);
    next_group(walk);
}

static int make_calls(struct walk *walk)
{
    struct sl_row_buffers *piles = &walk->update->piles;
    struct sl_task *task = walk->calls.task;
    int r = atomic_load_explicit(task->stop, memory_order_relaxed) ? SL_ESTOP : 0;
    r = r < 0 ? r : sl_update_calls_run(&walk->calls);
    r = r < 0 ? r : sl_row_buffer_make_room(piles, &walk->result->rows, task);
    return r < 0 ? r : sl_row_buffer_make_room(piles, &walk->result->changed, task);
}

static int walk_all(struct walk *walk)
{
    int r = 0;
    while (r == 0 && (walk->has_old || walk->has_group)) {
        r = step(walk);
        if (r == 0 && sl_update_calls_are_enough(&walk->calls))
            r = make_calls(walk);
    }
    return r < 0 ? r : make_calls(walk);
}

static int update_piece(void *arg, size_t piece, struct sl_task *task)
{
    struct update *update = arg;
    struct result *result = &update->result[piece];
    struct walk walk;
    memset(&walk, 0, offsetof(struct walk, calls)); /* the arguments need no clearing */
    walk.update = update;
    walk.result = result;
    int r = sl_row_buffer_init(&result->rows, NULL);
    if (r == 0)
        r = sl_row_buffer_init(&result->changed, NULL);
    if (r == 0) {
        sl_update_calls_init(&walk.calls, update->stage, task, &result->rows.rows, &result->changed.rows);
        walk_begin(&walk, piece);
        r = walk_all(&walk);
    }
    if (r == 0)
        r = sl_row_buffer_end(&update->piles, &result->rows, task);
    if (r == 0)
        r = sl_row_buffer_end(&update->piles, &result->changed, task);
    sl_arena_done(&walk.block);
    sl_arena_done(&walk.group_block);
    return r;
}

/* ---- the batch ---- */

static int show_results(const struct update *update, struct sl_dataset *all, struct sl_dataset *changed)
{
    int r = 0;
    for (size_t i = 0; i < update->pieces && r == 0; i++) {
        r = sl_row_buffer_show(&update->result[i].rows, all, 0);
        r = r < 0 ? r : sl_row_buffer_show(&update->result[i].changed, changed, 0);
    }
    return r;
}

static int run_update(struct update *update, struct sl_dataset *all, struct sl_dataset *changed)
{
    update->result = calloc(update->pieces, sizeof *update->result);
    int r = update->result ? sl_row_buffers_init(&update->piles, update->stage) : SL_ENOMEM;
    if (r == 0)
        r = sl_stage_run(update->stage, update->pieces, update_piece, update);
    if (r == 0)
        r = show_results(update, all, changed);
    for (size_t i = 0; update->result && i < update->pieces; i++) {
        sl_row_buffer_done(&update->result[i].rows);
        sl_row_buffer_done(&update->result[i].changed);
    }
    free(update->result);
    sl_row_buffers_done(&update->piles);
    return r;
}

static int update_all(struct sl_stage *stage, const struct sl_dataset *old,
                      const struct sl_brought_groups *groups, struct sl_dataset **ret,
                      struct sl_dataset **ret_changed)
{
    size_t pieces = (size_t)((old->count + PIECE_RECORDS - 1) / PIECE_RECORDS);
    struct update update = {.stage = stage, .old = old, .groups = groups, .pieces = pieces ? pieces : 1};
    struct sl_dataset *all = sl_dataset_new(1), *changed = sl_dataset_new(1);
    int r = all && changed ? run_update(&update, all, changed) : SL_ENOMEM;
    if (r < 0) {
        sl_dataset_unref(all);
        sl_dataset_unref(changed);
        return r;
    }
    *ret = all;
    *ret_changed = changed;
    return 0;
}

static int finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct sl_by_key *by_key = stage->state;
    struct sl_update_state *memory = stage->memory;
    struct sl_dataset *updated, *changed;
    struct sl_brought_groups groups;
    if (!memory->state && !(memory->state = sl_dataset_new(1)))
        return SL_ENOMEM;
    if (!sl_update_state_begin(stage))
        return 0;
    int r = sl_brought_groups_take(&by_key->aggregate, &groups);
    if (r == 0)
        r = update_all(stage, memory->state, &groups, &updated, &changed);
    sl_brought_groups_done(&groups);
    return r < 0 ? r : sl_update_state_show(stage, updated, changed, ret);
}

static const struct sl_wide update_wide = {
    .state_size = sizeof(struct sl_by_key),
    .begin = sl_by_key_begin,
    .lane_open = sl_by_key_lane_open,
    .lane_close = sl_by_key_lane_close,
    .push = sl_by_key_push,
    .finish = finish,
    .partial = &sl_by_key_partial,
    .done = sl_by_key_done,
    .memory_size = sizeof(struct sl_update_state),
    .memory_open = memory_open,
    .memory_done = memory_done,
    .wants = wants,
    .held = held,
    .bounded = 4, /* the groups, the state before and after, what changed */
    .save = sl_update_state_save,
    .load = sl_update_state_load,
    .loaded = sl_update_state_loaded,
    .sharded = &sl_update_state_sharded,
};

static const struct sl_param params[] = {
    {"updateFunc", SL_WANT_FUNCTION, false,
     "f(values, state, key, time) gives the new state, nil to remove the key"},
    SL_PARAM_PARTITIONS,
    {0},
};

static const struct sl_param options[] = {
    {"initial", SL_WANT_LIST, true, "a list of pairs: the state to begin with"},
    {0},
};

/* PySpark's third argument, initialRDD, is the option `initial`. */
static size_t arrange(const struct sl_arg *given, size_t count, struct sl_arena *arena, struct sl_arg *ret)
{
    for (size_t i = 0; i < count; i++)
        ret[i] = given[i];
    bool has_initial = count == 3 && given[2].kind == SL_ARG_VALUE && given[2].value.tag == SL_LIST;
    struct sl_field *pair = has_initial ? sl_arena_alloc(arena, 2 * sizeof *pair) : NULL;
    if (!pair)
        return count;
    pair[0] = sl_string("initial", 7);
    pair[1] = given[2].value;
    ret[2] = (struct sl_arg){.kind = SL_ARG_VALUE, .value = sl_map(pair, 1)};
    return count;
}

static int check(struct sl_node *node, struct sl_error *err)
{
    return sl_initial_state_check(node, sl_node_option(node, "initial"), err);
}

static const struct sl_by_key_spec values_spec = {
    .reducer = &sl_reducer_list, .key_of = SL_KEY_FIELD, .form = SL_FORM_PAIR, .partitions = 1};

const struct sl_op sl_op_update_state_by_key = {
    .name = "updateStateByKey",
    .kind = SL_OP_WIDE,
    .family = "state",
    .summary = "Keeps a state per key and shows all of them every batch",
    .example =
        "s:map(sluice.pair(1)):updateStateByKey(function(values, count) return (count or 0) + #values end)",
    .params = params,
    .arrange = arrange,
    .options = options,
    .wide = &update_wide,
    .spec = &values_spec,
    .check = check,
};
