/* groupByKey, countByKey, countByValue, distinct: grouping with a reducer that the operator brings itself. */
#include "ops/group/by_key.h"
#include "ops/key/partition_count.h"
#include "ops/reducer/reducers.h"

const struct sl_param sl_group_by_key_params[] = {SL_PARAM_PARTITIONS, {0}};

const struct sl_by_key_spec sl_group_by_key_spec = {
    .reducer = &sl_reducer_list, .key_of = SL_KEY_FIELD, .form = SL_FORM_PAIR};

const struct sl_op sl_op_group_by_key = {
    .name = "groupByKey",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Collects the values of each key in a list, in input order",
    .example = "s:map(sluice.pair(1)):groupByKey()",
    .params = sl_group_by_key_params,
    .wide = &sl_by_key_wide,
    .spec = &sl_group_by_key_spec,
    .check = sl_partition_count_check,
};

const struct sl_by_key_spec sl_count_by_key_spec = {
    .reducer = &sl_reducer_count, .key_of = SL_KEY_FIELD, .form = SL_FORM_PAIR};

const struct sl_op sl_op_count_by_key = {
    .name = "countByKey",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Counts the records of each key",
    .example = "s:map(sluice.pair(1)):countByKey()",
    .params = sl_group_by_key_params,
    .wide = &sl_by_key_wide,
    .spec = &sl_count_by_key_spec,
    .check = sl_partition_count_check,
};

const struct sl_by_key_spec sl_count_by_value_spec = {
    .reducer = &sl_reducer_count, .key_of = SL_KEY_RECORD, .form = SL_FORM_PAIR};

const struct sl_op sl_op_count_by_value = {
    .name = "countByValue",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Counts how often each record occurs",
    .example = "s:countByValue()",
    .params = sl_group_by_key_params,
    .wide = &sl_by_key_wide,
    .spec = &sl_count_by_value_spec,
    .check = sl_partition_count_check,
};

const struct sl_by_key_spec sl_distinct_spec = {
    .reducer = &sl_reducer_nothing, .key_of = SL_KEY_RECORD, .form = SL_FORM_KEY};

const struct sl_op sl_op_distinct = {
    .name = "distinct",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Keeps one of equal records",
    .example = "s:distinct()",
    .params = sl_group_by_key_params,
    .wide = &sl_by_key_wide,
    .spec = &sl_distinct_spec,
    .check = sl_partition_count_check,
    .columns = sl_columns_of_input,
};
