/* Reducing over windows: reduceByKeyAndWindow, reduceByWindow, groupByKeyAndWindow, countByWindow, countByValueAndWindow.
 *
 * Every batch is aggregated on its own, and its groups are kept while a window reaches them. A reducer with
 * an inverse has its result carried from slide to slide (ops/window/incremental.h): what enters is combined, what leaves
 * is taken out. Any other is combined from aligned blocks of batches (ops/window/partials.h), and so is one that exceeds
 * memoryLimit (ops/window/window_reduce_large.c). */
#include "ops/window/window_reduce.h"

#include "core/base/error.h"
#include "ops/reducer/reducers.h"
#include "ops/window/check.h"
#include "ops/window/window_reduce_running.h"

/* An operator of the family. */
struct window_spec {
    struct sl_by_key_spec by_key; /* first */
    unsigned filter;              /* index of filterFunc among the parameters, 0: none */
    bool zero_when_empty;         /* countByWindow */
};

static void memory_done(void *memory)
{
    struct sl_window_memory *own = memory;
    sl_window_partials_done(&own->blocks);
    sl_incremental_done(&own->running);
    sl_window_stored_done(&own->stored);
    sl_sorted_groups_unref(own->arrived);
    sl_window_kept_done(&own->kept);
    sl_window_groups_done(&own->gone);
    sl_group_store_close(&own->store);
}

static bool wants(const struct sl_node *node, const void *memory, int64_t t)
{
    const struct sl_window_memory *own = memory;
    bool holds = own->blocks.any && own->blocks.last >= sl_window_first_number(node, t);
    return t % node->slide_ms == 0 && (holds || own->shown);
}

/* ---- a batch comes in ---- */

static int advance(struct sl_stage *stage)
{
    struct sl_sorted_groups *groups;
    int r = sl_window_move_on(stage);
    r = r < 0 ? r : sl_window_batch_groups(stage, &groups);
    return r < 0 ? r : sl_window_enter(stage, groups);
}

/* ---- what is shown ---- */

/* Of keyed results that are carried from slide to slide only what changed is finished. */
static bool shows_changes(const struct sl_stage *stage)
{
    const struct sl_reduced_window *window = stage->state;
    return sl_window_runs(stage) && window->by_key.shape == SL_FORM_PAIR;
}

static int window_groups(struct sl_stage *stage, struct sl_sorted_groups **ret)
{
    struct sl_reduced_window *window = stage->state;
    struct sl_window_memory *memory = stage->memory;
    if (sl_window_runs(stage)) {
        int mended = sl_incremental_mend(&memory->running, stage, window->by_key.aggregate.reducer,
                                         &memory->blocks.level[0]);
        return mended < 0 ? mended
                          : sl_incremental_groups(&memory->running, stage, shows_changes(stage), ret);
    }
    int r = sl_window_partials_combine(&memory->blocks, stage, window->by_key.aggregate.reducer,
                                       sl_window_first_number(stage->node, stage->batch_ms),
                                       sl_window_batch_number(stage->node, stage->batch_ms), ret);
    if (r == 0 && !*ret)
        *ret = sl_sorted_groups_new(0);
    return r < 0 ? r : *ret ? 0 : SL_ENOMEM;
}

static int revise(struct sl_stage *stage, struct sl_dataset **rows)
{
    struct sl_window_memory *memory = stage->memory;
    struct sl_dataset *changed = *rows;
    *rows = NULL;
    int r = sl_incremental_revise(&memory->running, stage, changed, rows);
    sl_dataset_unref(changed);
    return r;
}

static int show(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct sl_reduced_window *window = stage->state;
    struct sl_window_memory *memory = stage->memory;
    struct sl_sorted_groups *groups;
    int r = window_groups(stage, &groups);
    if (r < 0)
        return r;
    stage->brought = memory->arrived;
    r = sl_group_store_finish(&memory->store, stage, window->by_key.aggregate.reducer, groups,
                              window->by_key.shape, ret);
    if (r == 0 && shows_changes(stage))
        sl_incremental_note_failed(&memory->running, stage, groups, *ret);
    sl_sorted_groups_unref(groups);
    if (r == 0 && window->filter)
        r = sl_window_filter(stage, window->filter, ret);
    if (r == 0 && shows_changes(stage))
        r = revise(stage, ret);
    if (r == 0 && window->zero_when_empty && memory->began && !(*ret)->count)
        r = sl_append_zero(*ret);
    return r < 0 ? r : sl_cut_partitions(stage, window->by_key.partitions_param, ret);
}

static int finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    int r = sl_window_running_make_room(stage);
    if (r == 0 && sl_window_running_is_stored(stage))
        return sl_window_running_pass(stage, ret);
    r = r < 0 ? r : advance(stage);
    if (r == 0)
        r = sl_window_make_room(stage);
    if (r < 0 || !stage->emits)
        return r;
    r = sl_window_will_emit(stage) ? show(stage, ret) : 0;
    return r < 0 ? r : sl_window_make_room(stage);
}

/* The inverse of a user's function is parameter 1; native reducers bring theirs. */
static int begin(struct sl_stage *stage)
{
    struct sl_reduced_window *window = stage->state;
    const struct window_spec *spec = stage->node->op->spec;
    struct sl_by_key *by_key = &window->by_key;
    const struct sl_reducer *reducer = sl_by_key_reducer(by_key, stage, &spec->by_key);
    window->filter = spec->filter ? sl_node_function(stage->node, spec->filter) : NULL;
    window->zero_when_empty = spec->zero_when_empty;
    window->forgets = true;
    if (reducer == &by_key->function.reducer) {
        by_key->function.inverse = sl_node_function(stage->node, 1);
        by_key->function.over_batches = true;
        window->forgets = window->filter != NULL;
        sl_function_reducer_init(&by_key->function);
    }
    int r = sl_by_key_init(by_key, stage, reducer, spec->by_key.key_of, spec->by_key.form,
                           spec->by_key.partitions);
    by_key->aggregate.keeps_failed = true;
    return r < 0 ? r : sl_window_store_open(stage);
}

static void done(struct sl_stage *stage)
{
    struct sl_reduced_window *window = stage->state;
    sl_window_groups_done(&window->dealt);
    sl_by_key_done(stage);
}

static const struct sl_wide window_wide = {
    .state_size = sizeof(struct sl_reduced_window),
    .begin = begin,
    .lane_open = sl_by_key_lane_open,
    .lane_close = sl_by_key_lane_close,
    .push = sl_by_key_push,
    .finish = finish,
    .partial = &sl_by_key_partial,
    .done = done,
    .memory_size = sizeof(struct sl_window_memory),
    .memory_done = memory_done,
    .wants = wants,
    .held = sl_window_partials_held,
    .bounded = 4, /* the groups of a batch, twice as much that is kept, and what is combined or shown */
    .windowed = true,
    .save = sl_window_reduce_save,
    .load = sl_window_reduce_load,
    .loaded = sl_window_reduce_loaded,
    .sharded = &sl_window_reduce_sharded,
};

/* ---- the operators ---- */

/* Spark's reduceByKeyAndWindow(f, w [, s [, n]]) and reduceByWindow(f, w, s) have no inverse: where the second
 * argument is a duration, nil is put in its place. */
static size_t arrange_without_inverse(const struct sl_arg *given, size_t count, struct sl_arena *arena,
                                      struct sl_arg *ret)
{
    bool has_place = count < 2 || given[1].kind != SL_ARG_VALUE || given[1].value.tag == SL_NIL;
    size_t to = 0;
    for (size_t i = 0; i < count; i++) {
        if (i == 1 && !has_place)
            ret[to++] = SL_NIL_ARG;
        ret[to++] = given[i];
    }
    return to;
}

static int check_reduce(struct sl_node *node, struct sl_error *err)
{
    return sl_window_check(node, 2, 3, err);
}

static const struct sl_param reduce_by_key_params[] = {
    {"func", SL_WANT_REDUCER, false, "a function of two values that gives one, or a native reducer"},
    {"invFunc", SL_WANT_FUNCTION | SL_WANT_NIL | SL_WANT_OF_STATE, false,
     "takes the second value out of the first; nil, or left out: there is none"},
    {"windowDuration", SL_WANT_DURATION, false, "how far back a window reaches"},
    {"slideDuration", SL_WANT_DURATION | SL_WANT_NIL, true, "how often one is shown; the stream's own slide"},
    SL_PARAM_PARTITIONS,
    {"filterFunc", SL_WANT_FUNCTION | SL_WANT_NIL, true,
     "of key and value: only pairs it is true for are shown"},
    {0},
};

static const struct window_spec reduce_by_key_spec = {
    .by_key = {SL_REDUCER_PARAM, .key_of = SL_KEY_FIELD, .form = SL_FORM_PAIR, .partitions = 4}, .filter = 5};

const struct sl_op sl_op_reduce_by_key_and_window = {
    .name = "reduceByKeyAndWindow",
    .kind = SL_OP_WIDE,
    .family = "window",
    .summary = "Combines the values of each key over a sliding window",
    .example = "s:map(sluice.pair(1)):reduceByKeyAndWindow(sluice.sum, nil, \"3s\", \"1s\")",
    .params = reduce_by_key_params,
    .arrange = arrange_without_inverse,
    .wide = &window_wide,
    .spec = &reduce_by_key_spec,
    .check = check_reduce,
};

static const struct sl_param reduce_params[] = {
    {"reduceFunc", SL_WANT_REDUCER, false, "a function of two records that gives one, or a native reducer"},
    {"invReduceFunc", SL_WANT_FUNCTION | SL_WANT_NIL | SL_WANT_OF_STATE, false,
     "takes the second out of the first; nil, or left out: there is none"},
    {"windowDuration", SL_WANT_DURATION, false, "how far back a window reaches"},
    {"slideDuration", SL_WANT_DURATION, false, "how often one is shown"},
    {0},
};

static const struct window_spec reduce_spec = {
    .by_key = {SL_REDUCER_PARAM, .key_of = SL_KEY_NONE, .form = SL_FORM_VALUE, .partitions = SL_PARAMS_MAX}};

const struct sl_op sl_op_reduce_by_window = {
    .name = "reduceByWindow",
    .kind = SL_OP_WIDE,
    .family = "window",
    .summary = "Combines all records of a sliding window into one",
    .example = "s:map(sluice.length):reduceByWindow(sluice.sum, nil, \"3s\", \"1s\")",
    .params = reduce_params,
    .arrange = arrange_without_inverse,
    .wide = &window_wide,
    .spec = &reduce_spec,
    .check = check_reduce,
};

static int check_plain(struct sl_node *node, struct sl_error *err)
{
    return sl_window_check(node, 0, 1, err);
}

static const struct sl_param plain_params[] = {
    {"windowDuration", SL_WANT_DURATION, false, "how far back a window reaches"},
    {"slideDuration", SL_WANT_DURATION, false, "how often one is shown"},
    SL_PARAM_PARTITIONS,
    {0},
};

static const struct sl_param group_params[] = {
    {"windowDuration", SL_WANT_DURATION, false, "how far back a window reaches"},
    {"slideDuration", SL_WANT_DURATION | SL_WANT_NIL, true, "how often one is shown; the stream's own slide"},
    SL_PARAM_PARTITIONS,
    {0},
};

static const struct window_spec group_spec = {
    .by_key = {.reducer = &sl_reducer_list, .key_of = SL_KEY_FIELD, .form = SL_FORM_PAIR, .partitions = 2}};

const struct sl_op sl_op_group_by_key_and_window = {
    .name = "groupByKeyAndWindow",
    .kind = SL_OP_WIDE,
    .family = "window",
    .summary = "Collects the values of each key over a sliding window, oldest batch first",
    .example = "s:map(sluice.pair(1)):groupByKeyAndWindow(\"3s\", \"1s\")",
    .params = group_params,
    .wide = &window_wide,
    .spec = &group_spec,
    .check = check_plain,
};

static const struct window_spec count_by_value_spec = {
    .by_key = {.reducer = &sl_reducer_count, .key_of = SL_KEY_RECORD, .form = SL_FORM_PAIR, .partitions = 2}};

const struct sl_op sl_op_count_by_value_and_window = {
    .name = "countByValueAndWindow",
    .kind = SL_OP_WIDE,
    .family = "window",
    .summary = "Counts how often each record occurs in a sliding window",
    .example = "s:countByValueAndWindow(\"3s\", \"1s\")",
    .params = plain_params,
    .wide = &window_wide,
    .spec = &count_by_value_spec,
    .check = check_plain,
};

static const struct sl_param count_params[] = {
    {"windowDuration", SL_WANT_DURATION, false, "how far back a window reaches"},
    {"slideDuration", SL_WANT_DURATION, false, "how often one is shown"},
    {0},
};

static const struct window_spec count_spec = {.by_key = {.reducer = &sl_reducer_count,
                                                         .key_of = SL_KEY_NONE,
                                                         .form = SL_FORM_VALUE,
                                                         .partitions = SL_PARAMS_MAX},
                                              .zero_when_empty = true};

const struct sl_op sl_op_count_by_window = {
    .name = "countByWindow",
    .kind = SL_OP_WIDE,
    .family = "window",
    .summary = "Counts the records of a sliding window; 0 after data left",
    .example = "s:countByWindow(\"3s\", \"1s\")",
    .params = count_params,
    .wide = &window_wide,
    .spec = &count_spec,
    .check = check_plain,
};
