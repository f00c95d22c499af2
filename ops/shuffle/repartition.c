/* repartition, coalesce: the same records in other pieces. Rows are shared, nothing is copied where the input
 * is a dataset already. */
#include "core/base/error.h"
#include "core/contract/collect.h"
#include "ops/key/partition_count.h"

/* Takes over *dataset. */
static int cut(struct sl_dataset *dataset, size_t pieces, struct sl_dataset **ret)
{
    struct sl_dataset *cut = sl_dataset_pieces(dataset, pieces);
    sl_dataset_unref(dataset);
    *ret = cut;
    return cut ? 0 : SL_ENOMEM;
}

static int repartition_finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct sl_dataset *dataset;
    int r = sl_collect_dataset(stage->state, &dataset, stage->err);
    return r < 0 ? r : cut(dataset, (size_t)sl_node_integer(stage->node, 0, 1), ret);
}

static int coalesce_finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct sl_dataset *dataset;
    size_t pieces_max = (size_t)sl_node_integer(stage->node, 0, 1);
    int r = sl_collect_dataset(stage->state, &dataset, stage->err);
    if (r < 0)
        return r;
    if (dataset->partitions > pieces_max)
        return cut(dataset, pieces_max, ret);
    *ret = dataset;
    return 0;
}

static const struct sl_wide repartition_wide = {
    .state_size = sizeof(struct sl_collect),
    .begin = sl_collect_begin,
    .lane_open = sl_collect_lane_open,
    .push = sl_collect_push,
    .lane_close = sl_collect_lane_close,
    .take = sl_collect_take,
    .finish = repartition_finish,
    .done = sl_collect_end,
    .bounded = 1,
};

static const struct sl_wide coalesce_wide = {
    .state_size = sizeof(struct sl_collect),
    .begin = sl_collect_begin,
    .lane_open = sl_collect_lane_open,
    .push = sl_collect_push,
    .lane_close = sl_collect_lane_close,
    .take = sl_collect_take,
    .finish = coalesce_finish,
    .done = sl_collect_end,
    .bounded = 1,
};

static const struct sl_param repartition_params[] = {
    {"numPartitions", SL_WANT_COUNT, false, "number of contiguous partitions of the result"},
    {0},
};

static const struct sl_param coalesce_params[] = {
    {"numPartitions", SL_WANT_COUNT, false, "the most partitions the result may have"},
    {0},
};

const struct sl_op sl_op_repartition = {
    .name = "repartition",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Cuts the records into n partitions of the same size, in order",
    .example = "s:repartition(4):glom()",
    .params = repartition_params,
    .wide = &repartition_wide,
    .check = sl_partition_count_check,
    .columns = sl_columns_of_input,
};

const struct sl_op sl_op_coalesce = {
    .name = "coalesce",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Cuts the records into n partitions where there are more than n",
    .example = "s:repartition(4):coalesce(2):glom()",
    .params = coalesce_params,
    .wide = &coalesce_wide,
    .check = sl_partition_count_check,
    .columns = sl_columns_of_input,
};
