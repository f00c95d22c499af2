/* sortBy, sortByKey, top, takeOrdered, min, max: records in the order of something. */
#include "ops/group/by_key.h"
#include "ops/key/partition_count.h"
#include "ops/sort/sorting.h"

#define SORTING_WIDE(begin_, finish_, bounded_)                                                              \
    {                                                                                                        \
        .state_size = sizeof(struct sl_sorting), .begin = (begin_), .lane_open = sl_sorting_lane_open,       \
        .lane_close = sl_sorting_lane_close, .push = sl_sorting_push, .finish = (finish_),                   \
        .done = sl_sorting_done, .takes_pieces = sl_always_takes_pieces, .bounded = (bounded_)               \
    }
#define PARAM_ASCENDING                                                                                      \
    {                                                                                                        \
        "ascending", SL_WANT_BOOLEAN | SL_WANT_NIL, true, "false: the largest first"                         \
    }

static int finish_in_pieces(struct sl_stage *stage, unsigned partitions_param, struct sl_dataset **ret)
{
    struct sl_dataset *dataset;
    int r = sl_sorting_finish(stage, &dataset);
    if (r == 0)
        r = sl_cut_partitions(stage, partitions_param, &dataset);
    if (r == 0)
        *ret = dataset;
    return r;
}

/* ---- sortBy ---- */

static int sort_by_begin(struct sl_stage *stage)
{
    struct sl_sorting *sorting = stage->state;
    int r = sl_sorting_begin(stage, SL_SORT_BY_FUNCTION, !sl_node_boolean(stage->node, 1, true));
    sorting->function = sl_node_function(stage->node, 0);
    return r;
}

static int sort_by_finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    return finish_in_pieces(stage, 2, ret);
}

static const struct sl_wide sort_by_wide = SORTING_WIDE(sort_by_begin, sort_by_finish, 1);

static const struct sl_param sort_by_params[] = {
    {"f", SL_WANT_FUNCTION, false, "gets the record's fields, returns what to sort by"},
    PARAM_ASCENDING,
    SL_PARAM_PARTITIONS,
    {0},
};

const struct sl_op sl_op_sort_by = {
    .name = "sortBy",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Sorts the records by what f returns of them; equal ones stay in input order",
    .example = "s:sortBy(function(line) return #line end)",
    .params = sort_by_params,
    .wide = &sort_by_wide,
    .check = sl_partition_count_check,
    .columns = sl_columns_of_input,
};

/* ---- sortByKey ---- */

static int sort_by_key_begin(struct sl_stage *stage)
{
    return sl_sorting_begin(stage, SL_SORT_BY_KEY, !sl_node_boolean(stage->node, 0, true));
}

static int sort_by_key_finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    return finish_in_pieces(stage, 1, ret);
}

static const struct sl_wide sort_by_key_wide = SORTING_WIDE(sort_by_key_begin, sort_by_key_finish, 1);

static const struct sl_param sort_by_key_params[] = {PARAM_ASCENDING, SL_PARAM_PARTITIONS, {0}};

const struct sl_op sl_op_sort_by_key = {
    .name = "sortByKey",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Sorts pairs by their keys; pairs of one key stay in input order",
    .example = "s:map(sluice.pair(1)):sortByKey(false)",
    .params = sort_by_key_params,
    .wide = &sort_by_key_wide,
    .check = sl_partition_count_check,
    .columns = sl_columns_of_input,
};

/* ---- top ---- */

/* The first rows_max records by the function of parameter `key`, or by themselves. */
static int begin_first(struct sl_stage *stage, unsigned key, bool descending, uint64_t rows_max)
{
    struct sl_sorting *sorting = stage->state;
    const struct sl_function *function = sl_node_function(stage->node, key);
    int r = sl_sorting_begin(stage, function ? SL_SORT_BY_FUNCTION : SL_SORT_BY_RECORD, descending);
    sorting->function = function;
    sorting->rows_max = rows_max;
    return r;
}

static int top_begin(struct sl_stage *stage)
{
    return begin_first(stage, 1, true, (uint64_t)sl_node_integer(stage->node, 0, 0));
}

static const struct sl_wide top_wide = SORTING_WIDE(top_begin, sl_sorting_finish, 0);

static const struct sl_param top_params[] = {
    {"n", SL_WANT_INTEGER, false, "how many records"},
    {"f", SL_WANT_FUNCTION | SL_WANT_NIL, true,
     "gets the record's fields, returns what counts; without it the record does"},
    {0},
};

const struct sl_op sl_op_top = {
    .name = "top",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Keeps the n largest records, the largest first; of equal ones the first",
    .example = "s:map(sluice.pair(1)):reduceByKey(sluice.sum):top(10, sluice.select(2))",
    .params = top_params,
    .wide = &top_wide,
    .columns = sl_columns_of_input,
};

/* ---- takeOrdered, min, max ---- */

static int take_ordered_begin(struct sl_stage *stage)
{
    return begin_first(stage, 1, false, (uint64_t)sl_node_integer(stage->node, 0, 0));
}

static int min_begin(struct sl_stage *stage)
{
    return begin_first(stage, 0, false, 1);
}

static int max_begin(struct sl_stage *stage)
{
    return begin_first(stage, 0, true, 1);
}

static const struct sl_wide take_ordered_wide = SORTING_WIDE(take_ordered_begin, sl_sorting_finish, 0);
static const struct sl_wide min_wide = SORTING_WIDE(min_begin, sl_sorting_finish, 0);
static const struct sl_wide max_wide = SORTING_WIDE(max_begin, sl_sorting_finish, 0);

const struct sl_op sl_op_take_ordered = {
    .name = "takeOrdered",
    .kind = SL_OP_WIDE,
    .family = "whole dataset",
    .summary = "Keeps the n smallest records, the smallest first; of equal ones the first",
    .example = "s:takeOrdered(2, sluice.length)",
    .params = top_params,
    .wide = &take_ordered_wide,
};

static const struct sl_param key_params[] = {
    {"key", SL_WANT_FUNCTION | SL_WANT_NIL, true,
     "gets the record's fields, returns what counts; without it the record does"},
    {0},
};

const struct sl_op sl_op_min = {
    .name = "min",
    .kind = SL_OP_WIDE,
    .family = "whole dataset",
    .summary = "The smallest record of a batch; none where there are none",
    .example = "s:min()",
    .params = key_params,
    .wide = &min_wide,
};

const struct sl_op sl_op_max = {
    .name = "max",
    .kind = SL_OP_WIDE,
    .family = "whole dataset",
    .summary = "The largest record of a batch; none where there are none",
    .example = "s:max(sluice.length)",
    .params = key_params,
    .wide = &max_wide,
};
