/* The operators after an eventWindow as descriptors: which reducer, key and form each has. */
#include "core/base/error.h"
#include "ops/event/event_reduce.h"
#include "ops/key/partition_count.h"
#include "ops/reducer/reducers.h"

/* ---- late ---- */

static int late_begin(struct sl_stage *stage)
{
    struct sl_event_reduce *reduce = stage->state;
    reduce->gives_late = true;
    return sl_event_reduce_begin(stage, &sl_reducer_nothing, SL_KEY_FIELD, SL_FORM_PAIR, SL_PARAMS_MAX);
}

static int late_finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct sl_event_reduce *reduce = stage->state;
    struct sl_dataset *ignored = NULL;
    int r = reduce->windows.gap ? sl_event_sessions_finish(stage, &ignored) : 0;
    sl_dataset_unref(ignored);
    stage->said = stage->has_input;
    sl_late_rows_sort(&reduce->late);
    return r < 0 ? r : sl_late_rows_dataset(&reduce->late, ret);
}

static int late_save(struct sl_stage *stage, struct sl_state_writer *keeper)
{
    const struct sl_event_reduce *reduce = stage->state;
    return reduce->windows.gap ? sl_event_sessions_save(stage, keeper) : 0;
}

/* ---- the operators ---- */

#define EVENT_WIDE(begin_)                                                                                   \
    {                                                                                                        \
        .state_size = sizeof(struct sl_event_reduce), .begin = (begin_), .lane_open = sl_by_key_lane_open,   \
        .lane_close = sl_by_key_lane_close, .push = sl_event_reduce_push, .finish = sl_event_reduce_finish,  \
        .done = sl_event_reduce_done, .takes_pieces = sl_always_takes_pieces,                                \
        .memory_size = sizeof(struct sl_event_memory), .memory_open = sl_event_reduce_memory_open,           \
        .memory_done = sl_event_reduce_memory_done, .due = sl_event_reduce_due,                              \
        .open = sl_event_reduce_open, .save = sl_event_reduce_save, .load = sl_event_reduce_load,            \
        .loaded = sl_event_reduce_loaded                                                                     \
    }

static int reduce_begin(struct sl_stage *stage)
{
    struct sl_event_reduce *reduce = stage->state;
    return sl_event_reduce_begin(stage, sl_by_key_reducer(&reduce->by_key, stage, 0), SL_KEY_FIELD,
                                 SL_FORM_PAIR, 1);
}

static int begin_function(struct sl_stage *stage, struct sl_function_reducer function,
                          unsigned partitions_param)
{
    struct sl_event_reduce *reduce = stage->state;
    reduce->by_key.function = function;
    reduce->by_key.function.what = stage->node->op->name;
    sl_function_reducer_init(&reduce->by_key.function);
    return sl_event_reduce_begin(stage, &reduce->by_key.function.reducer, SL_KEY_FIELD, SL_FORM_PAIR,
                                 partitions_param);
}

static int combine_begin(struct sl_stage *stage)
{
    struct sl_function_reducer function = {
        .create = sl_node_function(stage->node, 0),
        .merge = sl_node_function(stage->node, 1),
        .combine = sl_node_function(stage->node, 2),
    };
    return begin_function(stage, function, 3);
}

static int aggregate_begin(struct sl_stage *stage)
{
    struct sl_function_reducer function = {
        .has_zero = true,
        .zero = sl_node_value(stage->node, 0),
        .merge = sl_node_function(stage->node, 1),
        .combine = sl_node_function(stage->node, 2),
    };
    return begin_function(stage, function, 3);
}

static int fold_begin(struct sl_stage *stage)
{
    struct sl_function_reducer function = {
        .has_zero = true,
        .zero = sl_node_value(stage->node, 0),
        .merge = sl_node_function(stage->node, 1),
        .combine = sl_node_function(stage->node, 1),
    };
    return begin_function(stage, function, 2);
}

static int group_begin(struct sl_stage *stage)
{
    return sl_event_reduce_begin(stage, &sl_reducer_list, SL_KEY_FIELD, SL_FORM_PAIR, 0);
}

static int count_by_key_begin(struct sl_stage *stage)
{
    return sl_event_reduce_begin(stage, &sl_reducer_count, SL_KEY_FIELD, SL_FORM_PAIR, 0);
}

static int count_by_value_begin(struct sl_stage *stage)
{
    return sl_event_reduce_begin(stage, &sl_reducer_count, SL_KEY_RECORD, SL_FORM_PAIR, 0);
}

static int count_begin(struct sl_stage *stage)
{
    return sl_event_reduce_begin(stage, &sl_reducer_count, SL_KEY_NONE, SL_FORM_VALUE, SL_PARAMS_MAX);
}

static int distinct_begin(struct sl_stage *stage)
{
    return sl_event_reduce_begin(stage, &sl_reducer_nothing, SL_KEY_RECORD, SL_FORM_KEY, 0);
}

static const struct sl_wide reduce_wide = EVENT_WIDE(reduce_begin), combine_wide = EVENT_WIDE(combine_begin),
                            aggregate_wide = EVENT_WIDE(aggregate_begin), fold_wide = EVENT_WIDE(fold_begin),
                            group_wide = EVENT_WIDE(group_begin), count_wide = EVENT_WIDE(count_begin),
                            count_by_key_wide = EVENT_WIDE(count_by_key_begin),
                            count_by_value_wide = EVENT_WIDE(count_by_value_begin),
                            distinct_wide = EVENT_WIDE(distinct_begin);

static const struct sl_wide late_wide = {
    .state_size = sizeof(struct sl_event_reduce),
    .begin = late_begin,
    .lane_open = sl_by_key_lane_open,
    .lane_close = sl_by_key_lane_close,
    .push = sl_event_reduce_push,
    .finish = late_finish,
    .done = sl_event_reduce_done,
    .takes_pieces = sl_always_takes_pieces,
    .keeps_time = true,
    .memory_size = sizeof(struct sl_event_memory),
    .memory_open = sl_event_reduce_memory_open,
    .memory_done = sl_event_reduce_memory_done,
    .save = late_save,
    .load = sl_event_reduce_load,
    .loaded = sl_event_reduce_loaded,
};

static const struct sl_param reduce_params[] = {
    {"func", SL_WANT_REDUCER, false,
     "a function of two values that gives one, or a native reducer (sluice.sum)"},
    SL_PARAM_PARTITIONS,
    {0},
};
static const struct sl_param combine_params[] = {
    {"createCombiner", SL_WANT_FUNCTION, false, "makes the combined value of a key from its first value"},
    {"mergeValue", SL_WANT_FUNCTION, false, "adds a value to a combined value"},
    {"mergeCombiners", SL_WANT_FUNCTION, false, "adds a combined value to another"},
    SL_PARAM_PARTITIONS,
    {0},
};
static const struct sl_param aggregate_params[] = {
    {"zeroValue", SL_WANT_VALUE | SL_WANT_NIL, false, "what every key begins with"},
    {"seqFunc", SL_WANT_FUNCTION, false, "adds a value to a combined value"},
    {"combFunc", SL_WANT_FUNCTION, false, "adds a combined value to another"},
    SL_PARAM_PARTITIONS,
    {0},
};
static const struct sl_param fold_params[] = {
    {"zeroValue", SL_WANT_VALUE | SL_WANT_NIL, false, "what every key begins with"},
    {"func", SL_WANT_FUNCTION, false, "a function of two values that gives one"},
    SL_PARAM_PARTITIONS,
    {0},
};
static const struct sl_param partitions_params[] = {SL_PARAM_PARTITIONS, {0}};

#define EVENT_OP(variable, name_, params_, wide_, check_)                                                    \
    static const struct sl_op variable = {.name = (name_),                                                   \
                                          .kind = SL_OP_WIDE,                                                \
                                          .family = "event time",                                            \
                                          .summary = "After eventWindow: the same for each window",          \
                                          .example = "",                                                     \
                                          .params = (params_),                                               \
                                          .wide = &(wide_),                                                  \
                                          .check = (check_)}

EVENT_OP(op_reduce, "reduceByKey", reduce_params, reduce_wide, sl_partition_count_check);
EVENT_OP(op_combine, "combineByKey", combine_params, combine_wide, sl_partition_count_check);
EVENT_OP(op_aggregate, "aggregateByKey", aggregate_params, aggregate_wide, sl_partition_count_check);
EVENT_OP(op_fold, "foldByKey", fold_params, fold_wide, sl_partition_count_check);
EVENT_OP(op_group, "groupByKey", partitions_params, group_wide, sl_partition_count_check);
EVENT_OP(op_count_by_key, "countByKey", partitions_params, count_by_key_wide, sl_partition_count_check);
EVENT_OP(op_count_by_value, "countByValue", partitions_params, count_by_value_wide, sl_partition_count_check);
EVENT_OP(op_distinct, "distinct", partitions_params, distinct_wide, sl_partition_count_check);
EVENT_OP(op_count, "count", NULL, count_wide, NULL);

static int late_check(struct sl_node *node, struct sl_error *err)
{
    if (node->input[0]->op == &sl_op_event_window)
        return 0;
    return sl_error_set(err, SL_EUSAGE,
                        "late: belongs to an eventWindow, as in s:eventWindow{...}:late(); this is a "
                        "stream of %s",
                        node->input[0]->op->name);
}

const struct sl_op sl_op_late = {
    .name = "late",
    .kind = SL_OP_WIDE,
    .family = "event time",
    .summary =
        "The records that come too late for the windows of the eventWindow before it, with their event times",
    .example =
        "s:map(sluice.pair(1)):withWatermark(function() return 1000 end, 0):eventWindow({ size = \"10s\" })"
        ":late():count()",
    .wide = &late_wide,
    .check = late_check,
};

const struct sl_op *const sl_event_ops[] = {
    &op_reduce,         &op_combine,  &op_aggregate, &op_fold,    &op_group, &op_count_by_key,
    &op_count_by_value, &op_distinct, &op_count,     &sl_op_late, NULL};
