/* reduceByKey, combineByKey, aggregateByKey, foldByKey: one value per key, by a reducer. */
#include "ops/group/by_key.h"
#include "ops/key/partition_count.h"

static int reduce_begin(struct sl_stage *stage)
{
    struct sl_by_key *by_key = stage->state;
    return sl_by_key_begin(by_key, stage, sl_by_key_reducer(by_key, stage, 0), SL_KEY_FIELD, SL_FORM_PAIR, 1);
}

static const struct sl_wide reduce_wide = SL_BY_KEY_WIDE(reduce_begin, sl_native_takes_pieces);

static const struct sl_param reduce_params[] = {
    {"func", SL_WANT_REDUCER, false,
     "a function of two values that gives one, or a native reducer (sluice.sum)"},
    SL_PARAM_PARTITIONS,
    {0},
};

const struct sl_op sl_op_reduce_by_key = {
    .name = "reduceByKey",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Combines the values of each key into one",
    .example = "s:map(sluice.pair(1)):reduceByKey(sluice.sum)",
    .params = reduce_params,
    .wide = &reduce_wide,
    .check = sl_partition_count_check,
};

static const struct sl_param reduce_locally_params[] = {
    {"func", SL_WANT_REDUCER, false,
     "a function of two values that gives one, or a native reducer (sluice.sum)"},
    {0},
};

static int reduce_locally_begin(struct sl_stage *stage)
{
    struct sl_by_key *by_key = stage->state;
    return sl_by_key_begin(by_key, stage, sl_by_key_reducer(by_key, stage, 0), SL_KEY_FIELD, SL_FORM_PAIR,
                           SL_PARAMS_MAX);
}

static const struct sl_wide reduce_locally_wide =
    SL_BY_KEY_WIDE(reduce_locally_begin, sl_native_takes_pieces);

const struct sl_op sl_op_reduce_by_key_locally = {
    .name = "reduceByKeyLocally",
    .kind = SL_OP_WIDE,
    .family = "whole dataset",
    .summary = "The same as reduceByKey; in foreachRDD a table",
    .example = "s:map(sluice.pair(1)):reduceByKeyLocally(sluice.sum)",
    .params = reduce_locally_params,
    .wide = &reduce_locally_wide,
};

static int begin_function(struct sl_stage *stage, struct sl_function_reducer function,
                          unsigned partitions_param)
{
    struct sl_by_key *by_key = stage->state;
    by_key->function = function;
    by_key->function.what = stage->node->op->name;
    sl_function_reducer_init(&by_key->function);
    return sl_by_key_begin(by_key, stage, &by_key->function.reducer, SL_KEY_FIELD, SL_FORM_PAIR,
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

static const struct sl_wide combine_wide = SL_BY_KEY_WIDE(combine_begin, NULL);

static const struct sl_param combine_params[] = {
    {"createCombiner", SL_WANT_FUNCTION, false, "makes the combined value of a key from its first value"},
    {"mergeValue", SL_WANT_FUNCTION, false, "adds a value to a combined value"},
    {"mergeCombiners", SL_WANT_FUNCTION, false, "adds a combined value to another"},
    SL_PARAM_PARTITIONS,
    {0},
};

const struct sl_op sl_op_combine_by_key = {
    .name = "combineByKey",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Combines the values of each key into one of another type",
    .example = "s:map(sluice.pair(1)):combineByKey(function(v) return {v} end, function(c, v) c[#c + 1] = "
               "v return c end, function(a, b) for _, v in ipairs(b) do a[#a + 1] = v end return a end)",
    .params = combine_params,
    .wide = &combine_wide,
    .check = sl_partition_count_check,
};

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

static const struct sl_wide aggregate_wide = SL_BY_KEY_WIDE(aggregate_begin, NULL);

static const struct sl_param aggregate_params[] = {
    {"zeroValue", SL_WANT_VALUE | SL_WANT_NIL, false, "what every key begins with"},
    {"seqFunc", SL_WANT_FUNCTION, false, "adds a value to a combined value"},
    {"combFunc", SL_WANT_FUNCTION, false, "adds a combined value to another"},
    SL_PARAM_PARTITIONS,
    {0},
};

const struct sl_op sl_op_aggregate_by_key = {
    .name = "aggregateByKey",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Combines the values of each key, beginning with a zero value",
    .example = "s:map(sluice.pair(1)):aggregateByKey(0, function(acc, v) return acc + v end, function(a, b) "
               "return a + b end)",
    .params = aggregate_params,
    .wide = &aggregate_wide,
    .check = sl_partition_count_check,
};

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

static const struct sl_wide fold_wide = SL_BY_KEY_WIDE(fold_begin, NULL);

static const struct sl_param fold_params[] = {
    {"zeroValue", SL_WANT_VALUE | SL_WANT_NIL, false, "what every key begins with"},
    {"func", SL_WANT_FUNCTION, false, "a function of two values that gives one"},
    SL_PARAM_PARTITIONS,
    {0},
};

const struct sl_op sl_op_fold_by_key = {
    .name = "foldByKey",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Combines the values of each key by one function, beginning with a zero value",
    .example = "s:map(sluice.pair(1)):foldByKey(0, function(a, b) return a + b end)",
    .params = fold_params,
    .wide = &fold_wide,
    .check = sl_partition_count_check,
};
