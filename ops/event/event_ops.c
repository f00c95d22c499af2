/* The operators after an eventWindow as descriptors: which reducer, key and form each has. */
#include "core/base/error.h"
#include "core/contract/columns.h"
#include "ops/event/event_reduce.h"
#include "ops/key/partition_count.h"
#include "ops/reducer/reducers.h"

/* ---- late ---- */

static int late_begin(struct sl_stage *stage)
{
    struct sl_event_reduce *reduce = stage->state;
    reduce->gives_late = true;
    return sl_event_reduce_begin(stage);
}

static int late_finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct sl_event_reduce *reduce = stage->state;
    struct sl_dataset *ignored = NULL;
    int r = reduce->windows.gap ? sl_event_sessions_finish(stage, &ignored) : 0;
    sl_dataset_unref(ignored);
    stage->said = stage->has_input;
    return r < 0 ? r : sl_late_rows_dataset(&reduce->late, ret);
}

static int late_save(struct sl_stage *stage, struct sl_state_writer *keeper)
{
    const struct sl_event_reduce *reduce = stage->state;
    return reduce->windows.gap ? sl_event_sessions_save(stage, keeper) : 0;
}

/* ---- the operators ---- */

static const struct sl_wide event_wide = {
    .state_size = sizeof(struct sl_event_reduce),
    .begin = sl_event_reduce_begin,
    .lane_open = sl_by_key_lane_open,
    .lane_close = sl_by_key_lane_close,
    .push = sl_event_reduce_push,
    .finish = sl_event_reduce_finish,
    .done = sl_event_reduce_done,
    .takes_pieces = sl_always_takes_pieces,
    .bounded =
        4, /* what a batch brought, what of it may be late, what is kept, what comes out or is left out */
    .memory_size = sizeof(struct sl_event_memory),
    .memory_open = sl_event_reduce_memory_open,
    .memory_done = sl_event_reduce_memory_done,
    .due = sl_event_reduce_due,
    .open = sl_event_reduce_open,
    .save = sl_event_reduce_save,
    .load = sl_event_reduce_load,
    .loaded = sl_event_reduce_loaded,
};

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
    .bounded = 3, /* the same, but that nothing else comes out */
    .memory_size = sizeof(struct sl_event_memory),
    .memory_open = sl_event_reduce_memory_open,
    .memory_done = sl_event_reduce_memory_done,
    .save = late_save,
    .load = sl_event_reduce_load,
    .loaded = sl_event_reduce_loaded,
};

static const struct sl_by_key_spec late_spec = {.reducer = &sl_reducer_nothing,
                                                .key_of = SL_KEY_FIELD,
                                                .form = SL_FORM_PAIR,
                                                .partitions = SL_PARAMS_MAX};

/* Parameters and specs are those of the operators without a window. */
#define EVENT_OP(variable, name_, params_, spec_, check_)                                                    \
    static const struct sl_op variable = {.name = (name_),                                                   \
                                          .kind = SL_OP_WIDE,                                                \
                                          .family = "event time",                                            \
                                          .summary = "After eventWindow: the same for each window",          \
                                          .example = "",                                                     \
                                          .params = (params_),                                               \
                                          .wide = &event_wide,                                               \
                                          .spec = &(spec_),                                                  \
                                          .check = (check_)}

EVENT_OP(op_reduce, "reduceByKey", sl_reduce_by_key_params, sl_reduce_by_key_spec, sl_partition_count_check);
EVENT_OP(op_combine, "combineByKey", sl_combine_by_key_params, sl_combine_by_key_spec,
         sl_partition_count_check);
EVENT_OP(op_aggregate, "aggregateByKey", sl_aggregate_by_key_params, sl_aggregate_by_key_spec,
         sl_partition_count_check);
EVENT_OP(op_fold, "foldByKey", sl_fold_by_key_params, sl_fold_by_key_spec, sl_partition_count_check);
EVENT_OP(op_group, "groupByKey", sl_group_by_key_params, sl_group_by_key_spec, sl_partition_count_check);
EVENT_OP(op_count_by_key, "countByKey", sl_group_by_key_params, sl_count_by_key_spec,
         sl_partition_count_check);
EVENT_OP(op_count_by_value, "countByValue", sl_group_by_key_params, sl_count_by_value_spec,
         sl_partition_count_check);
EVENT_OP(op_distinct, "distinct", sl_group_by_key_params, sl_distinct_spec, sl_partition_count_check);
EVENT_OP(op_count, "count", NULL, sl_count_spec, NULL);

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
    .spec = &late_spec,
    .check = late_check,
    .columns = sl_columns_of_input,
};

const struct sl_op *const sl_event_ops[] = {
    &op_reduce,         &op_combine,  &op_aggregate, &op_fold,    &op_group, &op_count_by_key,
    &op_count_by_value, &op_distinct, &op_count,     &sl_op_late, NULL};
