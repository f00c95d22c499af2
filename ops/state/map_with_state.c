/* mapWithState(f(key, value, state, time) [, {timeout=, initial=}]).
 *
 * f is called once per record, in the order of records, and after them once with value nil for each key that
 * had none for longer than the timeout; then the key is removed. A batch costs what it changes: cells are found
 * by key, idle keys by the time they were last seen. Only the records of one key must be seen one after the
 * other: the workers share the keys (ops/state/keyed_calls.h). */
#include "ops/state/map_with_state.h"

#include "core/base/error.h"
#include "core/contract/collect.h"
#include "core/contract/services.h"
#include "core/contract/state_writer.h"
#include "ops/key/pair_key.h"
#include "ops/state/initial_state.h"
#include "ops/state/map_with_state_calls.h"
#include "ops/state/map_with_state_memory.h"

static int memory_open(const struct sl_node *node, void *memory, struct sl_error *err)
{
    struct sl_map_with_state_memory *own = memory;
    struct sl_dataset *initial;
    int r = sl_initial_state_dataset(sl_node_option(node, "initial"), &initial, err);
    own->initial = r == 0 ? initial : NULL;
    return r;
}

static void memory_done(void *memory)
{
    struct sl_map_with_state_memory *own = memory;
    sl_state_map_done(&own->parts);
    sl_dataset_unref((struct sl_dataset *)own->initial);
}

static bool wants(const struct sl_node *node, const void *memory, int64_t t)
{
    const struct sl_map_with_state_memory *own = memory;
    return sl_map_with_state_timeout(node) &&
           sl_state_map_has_idle(&own->parts, t - sl_map_with_state_timeout(node));
}

static void held(const void *memory, struct sl_held *ret)
{
    const struct sl_map_with_state_memory *own = memory;
    ret->keys = (int64_t)sl_state_map_living(&own->parts) + (own->initial ? (int64_t)own->initial->count : 0);
    ret->bytes = (int64_t)sl_state_map_bytes(&own->parts);
}

/* ---- records ---- */

static bool may_hold_maps(const struct sl_chunk *in)
{
    for (uint32_t i = 0; i < in->rows; i++)
        if (in->column[0][i].tag >= SL_LIST)
            return true;
    return false;
}

static int push_row(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in, uint32_t row)
{
    struct sl_chunk one = {.rows = 1, .width = in->width};
    for (uint32_t c = 0; c < in->width; c++)
        one.column[c] = &in->column[c][row];
    return sl_collect_push(stage, lane, &one);
}

/* What is no pair is set aside while its file and line are known; a key that is a map, too. */
static int push(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in)
{
    int r = 0;
    if (in->width < 2)
        return sl_pairs_reject(stage->node, lane->task, in);
    if (!may_hold_maps(in))
        return sl_collect_push(stage, lane, in);
    for (uint32_t i = 0; i < in->rows && r == 0; i++)
        r = sl_key_check(stage->node, lane->task, &in->column[0][i]) < 0
                ? sl_task_reject(lane->task, stage->node->number, in, i)
                : push_row(stage, lane, in, i);
    return r;
}

/* ---- the batch ---- */

static int map_records(const struct sl_map_with_state_calls *mapping)
{
    struct sl_dataset *input;
    int r = sl_collect_dataset(mapping->stage->state, &input, mapping->stage->err);
    if (r < 0)
        return r;
    r = sl_map_with_state_calls_call_records(mapping, input);
    sl_dataset_unref(input);
    return r;
}

static int map_batch(struct sl_stage *stage, struct sl_keyed_calls *rounds)
{
    struct sl_map_with_state_memory *memory = stage->memory;
    const struct sl_map_with_state_calls mapping = {stage, &memory->parts, rounds,
                                                    sl_map_with_state_timeout(stage->node)};
    int r = sl_map_with_state_begin(stage);
    if (r == 0)
        r = map_records(&mapping);
    if (r == 0 && mapping.timeout_ms)
        r = sl_map_with_state_calls_time_out(&mapping);
    return r < 0 ? r : sl_state_map_sort_changed(mapping.parts, stage);
}

static int finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    const struct sl_map_with_state_memory *memory = stage->memory;
    const struct sl_map_with_state_batch *batch = stage->state;
    struct sl_keyed_calls rounds;
    int r = sl_keyed_calls_init(&rounds, stage);
    rounds.cells = &memory->parts;
    rounds.number = batch->number;
    rounds.numbers = batch->numbers;
    if (r == 0)
        r = map_batch(stage, &rounds);
    if (r == 0)
        r = (*ret = sl_keyed_calls_take(&rounds)) ? 0 : SL_ENOMEM;
    sl_keyed_calls_done(&rounds);
    return r;
}

/* ---- on disk: the cells that changed, with the time of their last record ---- */

static int save_cell(void *arg, const struct sl_stored_cell *cell)
{
    struct sl_state_writer *keeper = arg;
    struct sl_field row[3] = {cell->key, cell->value, sl_integer(cell->seen_ms)};
    return keeper->ops->row(keeper, row, cell->exists ? 3 : 1);
}

static int save_changed(struct sl_stage *stage, struct sl_state_writer *keeper)
{
    const struct sl_map_with_state_memory *memory = stage->memory;
    struct sl_section section = {SL_SECTION_KEYED, 0, stage->batch_ms, INT64_MAX};
    if (!sl_state_map_has_changed(&memory->parts, stage))
        return 0;
    int r = keeper->ops->begin(keeper, &section);
    return r < 0 ? r : sl_state_map_each_changed(&memory->parts, stage, save_cell, keeper);
}

static int save(struct sl_stage *stage, struct sl_state_writer *keeper)
{
    struct sl_map_with_state_memory *memory = stage->memory;
    int r = save_changed(stage, keeper);
    sl_state_map_saved(&memory->parts);
    return r == 0 ? sl_state_map_tidy(&memory->parts, stage) : r;
}

static int load(struct sl_stage *stage, const struct sl_section *section, const struct sl_dataset *rows)
{
    struct sl_map_with_state_memory *memory = stage->memory;
    struct sl_arena block SL_CLEANUP(sl_arena_done) = {0};
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    int r = sl_state_map_bound(&memory->parts, stage, false);
    sl_dataset_unref((struct sl_dataset *)memory->initial); /* it went into what is loaded now */
    memory->initial = NULL;
    sl_cursor_pass(&cursor, rows, &block);
    for (uint64_t n = 0; r == 0 && sl_cursor_next(&cursor, row, &width); n++) {
        r = sl_map_with_state_put_row(stage, row, width, false);
        if (r < 0 || n % SL_CHUNK_ROWS)
            continue;
        sl_state_map_saved(&memory->parts);
        r = sl_state_map_make_room(&memory->parts, stage);
    }
    return r;
}

static int loaded(struct sl_stage *stage, int64_t last_ms)
{
    struct sl_map_with_state_memory *memory = stage->memory;
    bool times_out = sl_map_with_state_timeout(stage->node) > 0;
    sl_state_map_settle(&memory->parts);
    if (!sl_state_map_is_stored(&memory->parts))
        return times_out ? sl_state_map_note_all(&memory->parts) : 0;
    int r = sl_state_map_tidy(&memory->parts, stage);
    if (r == 0)
        r = sl_state_map_bound(&memory->parts, stage, times_out);
    return r < 0 ? r : sl_state_map_count_living(&memory->parts, stage);
}

static const struct sl_wide map_wide = {
    .state_size = sizeof(struct sl_map_with_state_batch),
    .begin = sl_collect_begin,
    .lane_open = sl_collect_lane_open,
    .push = push,
    .lane_close = sl_collect_lane_close,
    .take = sl_collect_take,
    .finish = finish,
    .done = sl_map_with_state_batch_done,
    .partial = &sl_map_with_state_partial,
    .bounded = 3, /* the records, cells in memory, what the function returned */
    .memory_size = sizeof(struct sl_map_with_state_memory),
    .memory_open = memory_open,
    .memory_done = memory_done,
    .wants = wants,
    .held = held,
    .times_out = true,
    .save = save,
    .load = load,
    .loaded = loaded,
    .sharded = &sl_map_with_state_sharded,
};

static const struct sl_param params[] = {
    {"func", SL_WANT_FUNCTION, false,
     "f(key, value, state, time); state has get, exists, update, remove, isTimingOut"},
    {0},
};

static const struct sl_param options[] = {
    {"timeout", SL_WANT_DURATION, true,
     "keys that are idle for longer get a last call with value nil and go"},
    {"initial", SL_WANT_LIST, true, "a list of pairs: the state to begin with"},
    {0},
};

static int check(struct sl_node *node, struct sl_error *err)
{
    const struct sl_function *fn = sl_node_function(node, 0);
    if (!fn->ops->call_state)
        return sl_error_set(err, SL_EUSAGE, "mapWithState: func must be a function, not the built-in %s",
                            fn->name);
    return sl_initial_state_check(node, sl_node_option(node, "initial"), err);
}

const struct sl_op sl_op_map_with_state = {
    .name = "mapWithState",
    .kind = SL_OP_WIDE,
    .family = "state",
    .summary = "Maps each record beside the state of its key",
    .example = "s:map(sluice.pair(1)):mapWithState(function(key, value, state) state:update((state:get() "
               "or 0) + value) return key, state:get() end)",
    .params = params,
    .options = options,
    .wide = &map_wide,
    .check = check,
};
