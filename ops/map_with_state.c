/* mapWithState(f(key, value, state, time) [, {timeout=, initial=}]) and stateSnapshots().
 *
 * f is called once per record, in the order of records, and after them once with value nil for each key that
 * had none for longer than the timeout; then the key is gone. A batch costs what it changes: cells are found
 * by key, idle keys by the time they were last seen. */
#include "core/collect.h"
#include "core/error.h"
#include "core/keeper.h"
#include "core/keyed.h"
#include "core/services.h"
#include "ops/cells.h"
#include "ops/initial.h"
#include "ops/pair_key.h"

#include <stdlib.h>

struct memory {
    struct sl_cells cells;
    const struct sl_dataset *initial; /* not yet in the cells; NULL: none */
};

static int memory_open(const struct sl_node *node, void *memory, struct sl_error *err)
{
    struct memory *own = memory;
    struct sl_dataset *initial;
    int r = sl_initial_dataset(node, sl_node_option(node, "initial"), &initial, err);
    own->initial = r == 0 ? initial : NULL;
    return r;
}

static void memory_done(void *memory)
{
    struct memory *own = memory;
    sl_cells_done(&own->cells);
    sl_dataset_unref((struct sl_dataset *)own->initial);
}

/* 0: none. */
static int64_t timeout_of(const struct sl_node *node)
{
    struct sl_arg timeout = sl_node_option(node, "timeout");
    return timeout.kind == SL_ARG_VALUE && timeout.value.tag == SL_INT ? timeout.value.integer : 0;
}

static bool wants(const struct sl_node *node, const void *memory, int64_t t)
{
    const struct memory *own = memory;
    return timeout_of(node) && sl_cells_has_idle(&own->cells, t - timeout_of(node));
}

/* ---- one call ---- */

struct mapping {
    struct sl_stage *stage;
    struct sl_cells *cells;
    struct sl_task *task;
    struct sl_rows *rows; /* the result */
};

static int append_returned(struct mapping *mapping, const struct sl_returned *returned)
{
    const struct sl_field *fields = returned->values;
    uint32_t count = returned->count;
    struct sl_field row[SL_WIDTH_MAX];
    if (count == 1 && fields[0].tag == SL_LIST && fields[0].flags & SL_FIELD_ROW) {
        count = fields[0].len;
        fields = fields[0].items;
    }
    if (count == 0)
        return 0;
    for (uint32_t i = 0; i < count; i++)
        if (!sl_field_copy(&mapping->rows->arena, &fields[i], &row[i]))
            return SL_ENOMEM;
    return sl_rows_append_row(mapping->rows, row, count);
}

/* What the function did to the cell becomes so. */
static int settle_cell(struct mapping *mapping, struct sl_cell *cell, const struct sl_state_cell *after)
{
    if (!after->changed)
        return 0;
    if (after->exists)
        return sl_cells_put(mapping->cells, cell, &after->value);
    return sl_cells_remove(mapping->cells, cell);
}

/* value: NULL when the key times out. An error leaves the state as it was. */
static int call(struct mapping *mapping, struct sl_cell *cell, const struct sl_field *value)
{
    const struct sl_node *node = mapping->stage->node;
    const struct sl_function *fn = sl_node_function(node, 0);
    struct sl_field values[SL_WIDTH_MAX], none = sl_nil();
    struct sl_returned returned = {0, values};
    struct sl_state_cell state = {cell->exists, false, value == NULL, cell->value};
    int r = fn->ops->call_state(fn, mapping->task, &cell->key, value ? value : &none, &state,
                                mapping->stage->batch_ms, &returned);
    if (r == SL_EREJECT)
        return sl_task_reject_group(mapping->task, node->number, &cell->key, value ? value : &none);
    if (r == 0)
        r = settle_cell(mapping, cell, &state);
    return r == 0 ? append_returned(mapping, &returned) : r;
}

/* ---- records ---- */

static bool may_hold_maps(const struct sl_chunk *in)
{
    for (uint32_t i = 0; i < in->rows; i++)
        if (in->column[0][i].tag >= SL_LIST)
            return true;
    return false;
}

/* What is no pair is set aside while its file and line are known; a key that is a map, too. */
static int push(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in)
{
    struct sl_field row[SL_WIDTH_MAX];
    int r = 0;
    if (in->width < 2)
        return sl_pairs_reject(stage->node, lane->task, in);
    if (!may_hold_maps(in))
        return sl_collect_push(stage, lane, in);
    for (uint32_t i = 0; i < in->rows && r == 0; i++) {
        if (sl_key_check(stage->node, lane->task, &in->column[0][i]) < 0) {
            r = sl_task_reject(lane->task, stage->node->number, in, i);
            continue;
        }
        for (uint32_t c = 0; c < in->width; c++)
            row[c] = in->column[c][i];
        r = sl_rows_append_row(sl_collect_rows(lane), row, in->width);
    }
    return r;
}

static int reject_record(struct mapping *mapping, const struct sl_field *record)
{
    struct sl_field none = sl_nil();
    sl_task_explain(mapping->task, "mapWithState: the record has one field; a pair has a key and a value");
    return sl_task_reject_group(mapping->task, mapping->stage->node->number, record, &none);
}

static int map_record(struct mapping *mapping, const struct sl_field *row, uint32_t width)
{
    const struct sl_node *node = mapping->stage->node;
    if (width < 2)
        return reject_record(mapping, row);
    struct sl_field value = width == 2 ? row[1] : sl_list(row + 1, width - 1);
    if (sl_key_check(node, mapping->task, &row[0]) < 0)
        return sl_task_reject_group(mapping->task, node->number, &row[0], &value);
    struct sl_cell *cell = sl_cells_find(mapping->cells, &row[0], mapping->task->seed);
    if (!cell)
        return SL_ENOMEM;
    int r = call(mapping, cell, &value);
    if (r < 0)
        return r;
    return sl_cells_touch(mapping->cells, cell, mapping->stage->batch_ms, timeout_of(node) > 0);
}

static int map_records(struct mapping *mapping, const struct sl_dataset *input)
{
    struct sl_cursor cursor;
    struct sl_field row[SL_WIDTH_MAX];
    uint32_t width;
    int r = 0;
    sl_cursor_init(&cursor, input);
    while (r == 0 && sl_cursor_next(&cursor, row, &width)) {
        sl_arena_reset(mapping->task->scratch);
        r = map_record(mapping, row, width);
    }
    return r;
}

static int time_out(struct mapping *mapping, int64_t timeout)
{
    size_t *idle, count;
    int r =
        sl_cells_take_idle(mapping->cells, mapping->stage, mapping->stage->batch_ms - timeout, &idle, &count);
    if (r < 0)
        return r;
    mapping->stage->said = mapping->stage->said || count;
    for (size_t i = 0; i < count && r == 0; i++) {
        struct sl_cell *cell = &mapping->cells->cell[idle[i]];
        sl_arena_reset(mapping->task->scratch);
        r = call(mapping, cell, NULL);
        if (r == 0)
            r = sl_cells_remove(mapping->cells, cell);
    }
    free(idle);
    return r;
}

/* ---- the batch ---- */

static int begin(struct sl_stage *stage)
{
    sl_collect_init(stage->state, UINT64_MAX);
    return 0;
}

static void done(struct sl_stage *stage)
{
    sl_collect_done(stage->state);
}

/* Keys of `initial` count as seen in the first batch. */
static int put_initial(struct sl_stage *stage, struct memory *memory)
{
    struct sl_cursor cursor;
    struct sl_field row[SL_WIDTH_MAX];
    uint32_t width;
    if (!memory->initial)
        return 0;
    sl_cursor_init(&cursor, memory->initial);
    while (sl_cursor_next(&cursor, row, &width)) {
        struct sl_cell *cell = sl_cells_find(&memory->cells, &row[0], stage->tasks[0].seed);
        if (!cell || sl_cells_put(&memory->cells, cell, &row[1]) < 0 ||
            sl_cells_touch(&memory->cells, cell, stage->batch_ms, timeout_of(stage->node) > 0) < 0)
            return SL_ENOMEM;
    }
    sl_dataset_unref((struct sl_dataset *)memory->initial);
    memory->initial = NULL;
    return 0;
}

static int map_batch(struct mapping *mapping, const struct sl_dataset *input)
{
    int64_t timeout = timeout_of(mapping->stage->node);
    int r = map_records(mapping, input);
    if (r == 0 && timeout)
        r = time_out(mapping, timeout);
    return r < 0 ? r : sl_cells_sort_dirty(mapping->cells, mapping->stage);
}

/* Where nothing is kept on disk, save is not called: what is dirty is of the batch before. */
static int begin_changes(struct sl_stage *stage, struct memory *memory)
{
    if (stage->services->durable)
        return 0;
    sl_cells_saved(&memory->cells);
    return sl_cells_tidy(&memory->cells, stage->tasks[0].seed);
}

static int finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct memory *memory = stage->memory;
    struct mapping mapping = {stage, &memory->cells, &stage->tasks[0], sl_rows_new()};
    struct sl_dataset *input;
    if (!mapping.rows)
        return SL_ENOMEM;
    mapping.task->err = stage->err;
    mapping.task->ordinal = 0;
    int r = begin_changes(stage, memory);
    if (r == 0)
        r = put_initial(stage, memory);
    if (r == 0)
        r = sl_collect_dataset(stage->state, &input, stage->err);
    if (r == 0) {
        r = map_batch(&mapping, input);
        sl_dataset_unref(input);
    }
    if (r < 0) {
        sl_rows_unref(mapping.rows);
        return r;
    }
    *ret = sl_dataset_of(mapping.rows);
    return *ret ? 0 : SL_ENOMEM;
}

/* ---- on disk: the cells that changed, with the time of their last record ---- */

static int save_cells(struct sl_stage *stage, struct sl_keeper *keeper, struct sl_cells *cells)
{
    struct sl_section section = {SL_SECTION_KEYED, 0, stage->batch_ms, INT64_MAX};
    int r = keeper->ops->begin(keeper, &section);
    for (size_t i = 0; r == 0 && i < cells->dirty_count; i++) {
        const struct sl_cell *cell = &cells->cell[cells->dirty[i]];
        struct sl_field row[3] = {cell->key, cell->value, sl_integer(cell->seen_ms)};
        r = keeper->ops->row(keeper, row, cell->exists ? 3 : 1);
    }
    sl_cells_saved(cells);
    return r;
}

static int save(struct sl_stage *stage, struct sl_keeper *keeper)
{
    struct memory *memory = stage->memory;
    int r = memory->cells.dirty_count ? save_cells(stage, keeper, &memory->cells) : 0;
    return r == 0 ? sl_cells_tidy(&memory->cells, stage->tasks[0].seed) : r;
}

static int load_cell(struct sl_stage *stage, struct sl_cells *cells, const struct sl_field *row,
                     uint32_t width)
{
    struct sl_cell *cell = sl_cells_find(cells, &row[0], stage->tasks[0].seed);
    if (!cell)
        return SL_ENOMEM;
    if (width == 1)
        return sl_cells_remove(cells, cell);
    if (width != 3 || row[2].tag != SL_INT)
        return sl_error_set(stage->err, SL_EDAMAGED, "the state of mapWithState is damaged");
    cell->seen_ms = row[2].integer;
    return sl_cells_put(cells, cell, &row[1]);
}

static int load(struct sl_stage *stage, const struct sl_section *section, const struct sl_dataset *rows)
{
    struct memory *memory = stage->memory;
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    int r = 0;
    (void)section;
    sl_dataset_unref((struct sl_dataset *)memory->initial); /* it went into what is loaded now */
    memory->initial = NULL;
    sl_cursor_init(&cursor, rows);
    while (r == 0 && sl_cursor_next(&cursor, row, &width))
        r = load_cell(stage, &memory->cells, row, width);
    return r;
}

static int loaded(struct sl_stage *stage, int64_t last_ms)
{
    struct memory *memory = stage->memory;
    (void)last_ms;
    sl_cells_settle(&memory->cells);
    return timeout_of(stage->node) ? sl_cells_note_all(&memory->cells) : 0;
}

static const struct sl_wide map_wide = {
    .state_size = sizeof(struct sl_collect),
    .begin = begin,
    .lane_open = sl_collect_lane_open,
    .push = push,
    .take = sl_collect_take,
    .finish = finish,
    .done = done,
    .memory_size = sizeof(struct memory),
    .memory_open = memory_open,
    .memory_done = memory_done,
    .wants = wants,
    .times_out = true,
    .save = save,
    .load = load,
    .loaded = loaded,
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
    return sl_initial_check(node, sl_node_option(node, "initial"), err);
}

const struct sl_op sl_op_map_with_state = {
    .name = "mapWithState",
    .kind = SL_OP_WIDE,
    .family = "state",
    .summary = "Maps each record beside the state of its key",
    .example = "s:map(sluice.pair(1)):mapWithState(function(key, value, state) state:update((state:get() or "
               "0) + value) "
               "return key, state:get() end)",
    .params = params,
    .options = options,
    .wide = &map_wide,
    .check = check,
};

/* ---- stateSnapshots ---- */

static int ignore_rows(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in)
{
    (void)stage, (void)lane, (void)in;
    return 0;
}

static int ignore_dataset(struct sl_stage *stage, unsigned input, struct sl_dataset *dataset)
{
    (void)stage, (void)input, (void)dataset;
    return 0;
}

static void snapshot_done(void *memory)
{
    sl_keyed_done(memory);
}

/* Called in every batch in which the cells may have changed, so that a revision is what is dirty. */
static int show_snapshot(struct sl_stage *stage, struct sl_dataset **ret)
{
    const struct memory *memory = stage->input_memory;
    const struct sl_cells *cells = &memory->cells;
    struct sl_keyed *shown = stage->memory;
    struct sl_rows *changes;
    int r = shown->newest ? sl_cells_changes(cells, &changes) : sl_cells_rows(cells, stage, &changes);
    if (r == 0)
        r = sl_keyed_add(shown, stage->pool, changes, cells->living);
    if (r == 0 && stage->has_input)
        *ret = sl_dataset_ref(shown->newest);
    return r;
}

static const struct sl_wide snapshot_wide = {
    .push = ignore_rows,
    .take = ignore_dataset,
    .finish = show_snapshot,
    .memory_size = sizeof(struct sl_keyed),
    .memory_done = snapshot_done,
};

static int check_snapshot(struct sl_node *node, struct sl_error *err)
{
    if (node->input[0]->op == &sl_op_map_with_state)
        return 0;
    return sl_error_set(err, SL_EUSAGE,
                        "stateSnapshots belongs to a stream of mapWithState, this is one of %s",
                        node->input[0]->op->name);
}

const struct sl_op sl_op_state_snapshots = {
    .name = "stateSnapshots",
    .kind = SL_OP_WIDE,
    .family = "state",
    .summary = "The whole state of mapWithState, in the order of keys",
    .example = "s:map(sluice.pair(1)):mapWithState(function(key, value, state) state:update(value) end)"
               ":stateSnapshots()",
    .wide = &snapshot_wide,
    .check = check_snapshot,
};
