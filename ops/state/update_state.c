/* updateStateByKey(f [, n] [, {initial=}]): every batch, f(values, state, key, time) for every key that has
 * state or new values; what it returns is the key's new state, nil removes it.
 *
 * The state is a dataset of rows (key, state) in the order of keys, and so is the result: one and the same. A
 * batch walks the old dataset beside its groups, in pieces that the workers share, and makes the new one. */
#include "core/base/error.h"
#include "core/contract/stage.h"
#include "core/contract/state_writer.h"
#include "ops/group/by_key.h"
#include "ops/reducer/reducers.h"
#include "ops/state/initial_state.h"

#include <stdlib.h>

struct memory {
    struct sl_dataset *state; /* NULL: no keys yet */
    /* By the last batch: rows (key, state), or (key) where it was removed. NULL: nothing. */
    struct sl_dataset *changed;
    uint64_t revisions;
    bool loaded;                 /* from disk: `initial` is past */
    size_t sections;             /* only while a start loads them */
    struct sl_dataset **section; /* [sections], oldest first */
};

static int memory_open(const struct sl_node *node, void *memory, struct sl_error *err)
{
    struct memory *own = memory;
    return sl_initial_state_dataset(sl_node_option(node, "initial"), &own->state, err);
}

static void drop_sections(struct memory *memory)
{
    for (size_t i = 0; i < memory->sections; i++)
        sl_dataset_unref(memory->section[i]);
    free(memory->section);
    memory->section = NULL;
    memory->sections = 0;
}

static void memory_done(void *memory)
{
    struct memory *own = memory;
    sl_dataset_unref(own->state);
    sl_dataset_unref(own->changed);
    drop_sections(own);
}

static bool wants(const struct sl_node *node, const void *memory, int64_t t)
{
    const struct memory *own = memory;
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
    const struct memory *own = memory;
    ret->keys = own->state ? (int64_t)own->state->count : 0;
    ret->bytes = own->state ? bytes_of(own->state) : 0;
}

/* ---- one piece: records [from, to) of the old state beside entries [group, group_end) ---- */

enum { PIECE_RECORDS = 16 * SL_CHUNK_ROWS };

struct update {
    struct sl_stage *stage;
    const struct sl_function *fn;
    const struct sl_dataset *old;
    const struct sl_sorted_groups *groups;
    struct sl_rows **changed; /* [pieces]: what is new in the state */
    size_t pieces;
};

static bool key_of_record(const struct sl_dataset *dataset, uint64_t record, struct sl_field *ret)
{
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    sl_cursor_init(&cursor, dataset);
    sl_cursor_seek(&cursor, record);
    bool found = sl_cursor_next(&cursor, row, &width);
    if (found)
        *ret = row[0];
    return found;
}

/* The first group whose key is not before that of a piece; the pieces begin at multiples of PIECE_RECORDS. */
static size_t first_group(const struct update *update, size_t piece)
{
    struct sl_field key;
    if (piece == 0)
        return 0;
    if (piece == update->pieces || !key_of_record(update->old, piece * PIECE_RECORDS, &key))
        return update->groups->count;
    return sl_sorted_groups_first(update->groups, &key);
}

static int keep_row(struct sl_rows *rows, const struct sl_field *key, const struct sl_field *state)
{
    struct sl_field row[2];
    if (!sl_field_copy(&rows->arena, key, &row[0]) || (state && !sl_field_copy(&rows->arena, state, &row[1])))
        return SL_ENOMEM;
    row[0].flags = 0;
    return sl_rows_append_row(rows, row, state ? 2 : 1);
}

/* Where one piece's rows go. */
struct result {
    struct sl_rows *rows, *changed;
};

static int keep_new(const struct result *result, const struct sl_field *key, const struct sl_field *old,
                    const struct sl_field *state)
{
    int r = keep_row(result->rows, key, state);
    return r == 0 && !(old && sl_field_looks_same(old, state)) ? keep_row(result->changed, key, state) : r;
}

/* A group error: the state is kept as it was, and shown. */
static int keep_old(struct update *update, struct sl_task *task, const struct result *result,
                    const struct sl_field *key, const struct sl_field *values, const struct sl_field *state)
{
    /* A key that the batch did not bring says nothing of the batch. */
    task->is_counted_elsewhere = values->len == 0;
    int r = sl_task_reject_group(task, update->stage->node->number, key, values, values->len);
    task->is_counted_elsewhere = false;
    return r == 0 && state ? keep_row(result->rows, key, state) : r;
}

/* state: NULL where the key has none. */
static int update_key(struct update *update, struct sl_task *task, const struct result *result,
                      const struct sl_field *key, const struct sl_field *values, const struct sl_field *state)
{
    struct sl_field argv[4] = {*values, state ? *state : sl_nil(), *key, sl_integer(update->stage->batch_ms)};
    struct sl_field returned[SL_WIDTH_MAX];
    struct sl_returned ret = {0, returned};
    argv[2].flags = 0;
    int r = sl_function_call(update->fn, task, argv, 4, &ret);
    if (r == 0 && ret.count == 0)
        r = sl_task_explain(
            task, "updateStateByKey: the function returned nothing; return nil to remove, the state to keep");
    if (r == 0 && ret.count > 1)
        r = sl_task_explain(task,
                            "updateStateByKey: the function returned %u values; return one (a list may "
                            "hold several)",
                            ret.count);
    if (r == SL_EREJECT)
        return keep_old(update, task, result, key, values, state);
    if (r < 0)
        return r;
    if (returned[0].tag == SL_NIL)
        return state ? keep_row(result->changed, key, NULL) : 0;
    return keep_new(result, key, state, &returned[0]);
}

struct walk {
    struct update *update;
    struct sl_task *task;
    struct result result;
    struct sl_cursor cursor;
    uint64_t records; /* of the old state, left */
    struct sl_field old[SL_WIDTH_MAX];
    bool has_old;
    size_t group, group_end;
};

static void next_old(struct walk *walk)
{
    uint32_t width;
    walk->has_old = walk->records && sl_cursor_next(&walk->cursor, walk->old, &width);
    walk->records -= walk->has_old;
}

static int step(struct walk *walk)
{
    const struct sl_group_entry *entry =
        walk->group < walk->group_end ? &walk->update->groups->entry[walk->group] : NULL;
    int order = !entry ? -1 : !walk->has_old ? 1 : sl_field_compare(&walk->old[0], &entry->key);
    struct sl_field values = sl_list(NULL, 0), key = order <= 0 ? walk->old[0] : entry->key;
    int r = 0;
    sl_arena_reset(walk->task->scratch);
    if (order >= 0)
        r = sl_reducer_list.ops->finish(&sl_reducer_list, walk->task, &entry->state, &values);
    if (r == 0)
        r = update_key(walk->update, walk->task, &walk->result, &key, &values,
                       order <= 0 ? &walk->old[1] : NULL);
    walk->group += order >= 0;
    if (order <= 0)
        next_old(walk);
    return r;
}

static int update_piece(void *arg, size_t piece, struct sl_task *task, struct sl_rows *rows)
{
    struct update *update = arg;
    struct walk walk = {
        .update = update,
        .task = task,
        .result = {rows, update->changed[piece] = sl_rows_new()},
        .records = PIECE_RECORDS,
        .group = first_group(update, piece),
        .group_end = first_group(update, piece + 1),
    };
    int r = walk.result.changed ? 0 : SL_ENOMEM;
    task->ordinal = (uint32_t)piece;
    sl_cursor_init(&walk.cursor, update->old);
    sl_cursor_seek(&walk.cursor, piece * PIECE_RECORDS);
    next_old(&walk);
    while (r == 0 && (walk.has_old || walk.group < walk.group_end)) {
        if (atomic_load_explicit(task->stop, memory_order_relaxed))
            return SL_ESTOP;
        r = step(&walk);
    }
    return r;
}

/* ---- the batch ---- */

static int update_all(struct sl_stage *stage, const struct sl_dataset *old,
                      const struct sl_sorted_groups *groups, struct sl_dataset **ret,
                      struct sl_dataset **ret_changed)
{
    size_t pieces = (size_t)((old->count + PIECE_RECORDS - 1) / PIECE_RECORDS);
    struct update update = {stage, sl_node_function(stage->node, 0), old, groups, NULL, pieces ? pieces : 1};
    struct sl_dataset *all = NULL, *changed = sl_dataset_new(1);
    update.changed = calloc(update.pieces, sizeof *update.changed);
    int r = update.changed && changed
                ? sl_stage_gather(stage, update.pieces, update_piece, &update, NULL, &all)
                : SL_ENOMEM;
    int taken = update.changed && changed ? sl_dataset_take(changed, 0, update.changed, update.pieces) : 0;
    free(update.changed);
    if (r < 0 || taken < 0) {
        sl_dataset_unref(all);
        sl_dataset_unref(changed);
        return r < 0 ? r : taken;
    }
    *ret = all;
    *ret_changed = changed;
    return 0;
}

static int finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct sl_by_key *by_key = stage->state;
    struct memory *memory = stage->memory;
    struct sl_dataset *updated, *changed;
    struct sl_sorted_groups *groups;
    if (!memory->state && !(memory->state = sl_dataset_new(1)))
        return SL_ENOMEM;
    stage->said = stage->has_input || memory->state->count;
    sl_dataset_unref(memory->changed);
    memory->changed = NULL;
    if (!stage->said)
        return 0;
    int r = sl_aggregate_finish(&by_key->aggregate, &groups);
    if (r < 0)
        return r;
    r = update_all(stage, memory->state, groups, &updated, &changed);
    sl_sorted_groups_unref(groups);
    if (r < 0)
        return r;
    sl_dataset_unref(memory->state);
    memory->state = updated;
    memory->changed = changed;
    sl_dataset_revise(updated, memory, ++memory->revisions, changed);
    *ret = sl_dataset_ref(updated);
    return sl_cut_partitions(stage, by_key->partitions_param, ret);
}

/* ---- on disk: what changed; the first save of a state that began with `initial` is all of it ---- */

static int save(struct sl_stage *stage, struct sl_state_writer *keeper)
{
    struct memory *memory = stage->memory;
    bool whole = !memory->loaded && sl_node_option(stage->node, "initial").kind == SL_ARG_VALUE;
    const struct sl_dataset *rows = whole ? memory->state : memory->changed;
    struct sl_section section = {SL_SECTION_KEYED, 0, stage->batch_ms, INT64_MAX};
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    memory->loaded = true;
    if (!rows || (!rows->count && !whole))
        return 0;
    int r = keeper->ops->begin(keeper, &section);
    sl_cursor_init(&cursor, rows);
    while (r == 0 && sl_cursor_next(&cursor, row, &width))
        r = keeper->ops->row(keeper, row, width);
    return r;
}

/* An older section and a newer one as one; removals are rows of one field, and go where nothing is older
 * still. */
static int merge_rows(const struct sl_dataset *old, const struct sl_dataset *newer, bool oldest,
                      struct sl_rows *to)
{
    struct sl_field a[SL_WIDTH_MAX], b[SL_WIDTH_MAX];
    struct sl_cursor left, right;
    uint32_t a_width = 0, b_width = 0;
    sl_cursor_init(&left, old);
    sl_cursor_init(&right, newer);
    bool has_a = sl_cursor_next(&left, a, &a_width), has_b = sl_cursor_next(&right, b, &b_width);
    int r = 0;
    while (r == 0 && (has_a || has_b)) {
        int order = !has_a ? 1 : !has_b ? -1 : sl_field_compare(&a[0], &b[0]);
        const struct sl_field *row = order < 0 ? a : b;
        uint32_t width = order < 0 ? a_width : b_width;
        if (width == 2 || !oldest)
            r = keep_row(to, &row[0], width == 2 ? &row[1] : NULL);
        if (order >= 0)
            has_b = sl_cursor_next(&right, b, &b_width);
        if (order <= 0)
            has_a = sl_cursor_next(&left, a, &a_width);
    }
    return r;
}

static int load(struct sl_stage *stage, const struct sl_section *section, const struct sl_dataset *rows)
{
    struct memory *memory = stage->memory;
    struct sl_dataset **grown =
        realloc(memory->section, (memory->sections + 1) * sizeof(struct sl_dataset *));
    if (!grown)
        return SL_ENOMEM;
    memory->section = grown;
    memory->section[memory->sections++] = sl_dataset_ref((struct sl_dataset *)rows);
    return 0;
}

/* Folds the sections from the newest, which are small, to the oldest, which has most keys. */
static int loaded(struct sl_stage *stage, int64_t last_ms)
{
    struct memory *memory = stage->memory;
    struct sl_dataset *newer = sl_dataset_new(1);
    int r = newer ? 0 : SL_ENOMEM;
    for (size_t i = memory->sections; r == 0 && i-- > 0;) {
        struct sl_rows *to = sl_rows_new();
        r = to ? merge_rows(memory->section[i], newer, i == 0, to) : SL_ENOMEM;
        sl_dataset_unref(newer);
        newer = r == 0 ? sl_dataset_of(to) : NULL;
        if (r < 0)
            sl_rows_unref(to);
        else if (!newer)
            r = SL_ENOMEM;
    }
    if (r < 0)
        return r;
    memory->loaded = memory->sections > 0;
    drop_sections(memory);
    if (memory->loaded) {
        sl_dataset_unref(memory->state);
        memory->state = newer;
    } else {
        sl_dataset_unref(newer);
    }
    return 0;
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
    .memory_size = sizeof(struct memory),
    .memory_open = memory_open,
    .memory_done = memory_done,
    .wants = wants,
    .held = held,
    .save = save,
    .load = load,
    .loaded = loaded,
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
