/* groupByKey, countByKey, countByValue, distinct: grouping with a reducer that the operator brings itself. */
#include "ops/group/by_key.h"
#include "ops/key/partition_count.h"
#include "ops/reducer/reducers.h"

static const struct sl_param partitions_params[] = {SL_PARAM_PARTITIONS, {0}};

static int group_begin(struct sl_stage *stage)
{
    return sl_by_key_begin(stage->state, stage, &sl_reducer_list, SL_KEY_FIELD, SL_FORM_PAIR, 0);
}

static const struct sl_wide group_wide = SL_BY_KEY_WIDE(group_begin, sl_always_takes_pieces);

const struct sl_op sl_op_group_by_key = {
    .name = "groupByKey",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Collects the values of each key in a list, in input order",
    .example = "s:map(sluice.pair(1)):groupByKey()",
    .params = partitions_params,
    .wide = &group_wide,
    .check = sl_partition_count_check,
};

static int count_by_key_begin(struct sl_stage *stage)
{
    return sl_by_key_begin(stage->state, stage, &sl_reducer_count, SL_KEY_FIELD, SL_FORM_PAIR, 0);
}

static const struct sl_wide count_by_key_wide = SL_BY_KEY_WIDE(count_by_key_begin, sl_always_takes_pieces);

const struct sl_op sl_op_count_by_key = {
    .name = "countByKey",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Counts the records of each key",
    .example = "s:map(sluice.pair(1)):countByKey()",
    .params = partitions_params,
    .wide = &count_by_key_wide,
    .check = sl_partition_count_check,
};

static int count_by_value_begin(struct sl_stage *stage)
{
    return sl_by_key_begin(stage->state, stage, &sl_reducer_count, SL_KEY_RECORD, SL_FORM_PAIR, 0);
}

static const struct sl_wide count_by_value_wide =
    SL_BY_KEY_WIDE(count_by_value_begin, sl_always_takes_pieces);

const struct sl_op sl_op_count_by_value = {
    .name = "countByValue",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Counts how often each record occurs",
    .example = "s:countByValue()",
    .params = partitions_params,
    .wide = &count_by_value_wide,
    .check = sl_partition_count_check,
};

static int distinct_begin(struct sl_stage *stage)
{
    return sl_by_key_begin(stage->state, stage, &sl_reducer_nothing, SL_KEY_RECORD, SL_FORM_KEY, 0);
}

static const struct sl_wide distinct_wide = SL_BY_KEY_WIDE(distinct_begin, sl_always_takes_pieces);

const struct sl_op sl_op_distinct = {
    .name = "distinct",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Keeps one of equal records",
    .example = "s:distinct()",
    .params = partitions_params,
    .wide = &distinct_wide,
    .check = sl_partition_count_check,
    .columns = sl_columns_of_input,
};
