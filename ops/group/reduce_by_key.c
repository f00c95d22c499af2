/* reduceByKey, combineByKey, aggregateByKey, foldByKey: one value per key, by a reducer. */
#include "ops/group/by_key.h"
#include "ops/key/partition_count.h"

const struct sl_param sl_reduce_by_key_params[] = {
    {"func", SL_WANT_REDUCER, false,
     "a function of two values that gives one, or a native reducer (sluice.sum)"},
    SL_PARAM_PARTITIONS,
    {0},
};

const struct sl_by_key_spec sl_reduce_by_key_spec = {SL_REDUCER_PARAM, .key_of = SL_KEY_FIELD,
                                                     .form = SL_FORM_PAIR, .partitions = 1};

const struct sl_op sl_op_reduce_by_key = {
    .name = "reduceByKey",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Combines the values of each key into one",
    .example = "s:map(sluice.pair(1)):reduceByKey(sluice.sum)",
    .params = sl_reduce_by_key_params,
    .wide = &sl_by_key_wide,
    .spec = &sl_reduce_by_key_spec,
    .check = sl_partition_count_check,
};

static const struct sl_param reduce_locally_params[] = {
    {"func", SL_WANT_REDUCER, false,
     "a function of two values that gives one, or a native reducer (sluice.sum)"},
    {0},
};

static const struct sl_by_key_spec reduce_locally_spec = {SL_REDUCER_PARAM, .key_of = SL_KEY_FIELD,
                                                          .form = SL_FORM_PAIR, .partitions = SL_PARAMS_MAX};

const struct sl_op sl_op_reduce_by_key_locally = {
    .name = "reduceByKeyLocally",
    .kind = SL_OP_WIDE,
    .family = "whole dataset",
    .summary = "The same as reduceByKey; in foreachRDD a table",
    .example = "s:map(sluice.pair(1)):reduceByKeyLocally(sluice.sum)",
    .params = reduce_locally_params,
    .wide = &sl_by_key_wide,
    .spec = &reduce_locally_spec,
};

const struct sl_param sl_combine_by_key_params[] = {
    {"createCombiner", SL_WANT_FUNCTION, false, "makes the combined value of a key from its first value"},
    {"mergeValue", SL_WANT_FUNCTION, false, "adds a value to a combined value"},
    {"mergeCombiners", SL_WANT_FUNCTION, false, "adds a combined value to another"},
    SL_PARAM_PARTITIONS,
    {0},
};

const struct sl_by_key_spec sl_combine_by_key_spec = {SL_REDUCER_CREATE, .combine = 2, .key_of = SL_KEY_FIELD,
                                                      .form = SL_FORM_PAIR, .partitions = 3};

const struct sl_op sl_op_combine_by_key = {
    .name = "combineByKey",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Combines the values of each key into one of another type",
    .example = "s:map(sluice.pair(1)):combineByKey(function(v) return {v} end, function(c, v) c[#c + 1] = "
               "v return c end, function(a, b) for _, v in ipairs(b) do a[#a + 1] = v end return a end)",
    .params = sl_combine_by_key_params,
    .wide = &sl_by_key_wide,
    .spec = &sl_combine_by_key_spec,
    .check = sl_partition_count_check,
};

const struct sl_param sl_aggregate_by_key_params[] = {
    {"zeroValue", SL_WANT_VALUE | SL_WANT_NIL, false,
     "what every key begins with in each split, and in windows of event time in each batch and piece of a window: combining with it must change nothing"},
    {"seqFunc", SL_WANT_FUNCTION, false, "adds a value to a combined value"},
    {"combFunc", SL_WANT_FUNCTION, false, "adds a combined value to another"},
    SL_PARAM_PARTITIONS,
    {0},
};

const struct sl_by_key_spec sl_aggregate_by_key_spec = {
    SL_REDUCER_ZERO_VALUE, .combine = 2, .key_of = SL_KEY_FIELD, .form = SL_FORM_PAIR, .partitions = 3};

const struct sl_op sl_op_aggregate_by_key = {
    .name = "aggregateByKey",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Combines the values of each key, beginning with a zero value",
    .example = "s:map(sluice.pair(1)):aggregateByKey(0, function(acc, v) return acc + v end, function(a, b) "
               "return a + b end)",
    .params = sl_aggregate_by_key_params,
    .wide = &sl_by_key_wide,
    .spec = &sl_aggregate_by_key_spec,
    .check = sl_partition_count_check,
};

const struct sl_param sl_fold_by_key_params[] = {
    {"zeroValue", SL_WANT_VALUE | SL_WANT_NIL, false,
     "what every key begins with in each split, and in windows of event time in each batch and piece of a window: combining with it must change nothing"},
    {"func", SL_WANT_FUNCTION, false, "a function of two values that gives one"},
    SL_PARAM_PARTITIONS,
    {0},
};

const struct sl_by_key_spec sl_fold_by_key_spec = {
    SL_REDUCER_ZERO_VALUE, .combine = 1, .key_of = SL_KEY_FIELD, .form = SL_FORM_PAIR, .partitions = 2};

const struct sl_op sl_op_fold_by_key = {
    .name = "foldByKey",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Combines the values of each key by one function, beginning with a zero value",
    .example = "s:map(sluice.pair(1)):foldByKey(0, function(a, b) return a + b end)",
    .params = sl_fold_by_key_params,
    .wide = &sl_by_key_wide,
    .spec = &sl_fold_by_key_spec,
    .check = sl_partition_count_check,
};
