/* sortBy, sortByKey, top, takeOrdered, min, max: records in the order of something. */
#include "ops/group/by_key.h"
#include "ops/key/partition_count.h"
#include "ops/sort/sort_partial.h"
#include "ops/sort/sorting.h"

/* An operator of the family; parameters by their index, NONE: it has none. */
struct sort_spec {
    bool by_key;         /* records are pairs */
    unsigned function;   /* what to sort by; without it, or where it is nil, by the record */
    unsigned ascending;  /* false: the largest first */
    unsigned partitions; /* numPartitions */
    unsigned count;      /* how many records of the result, the first */
    bool only_first;     /* of the result only the first record */
    bool descending;
};

enum { NONE = SL_PARAMS_MAX };

#define PARAM_ASCENDING                                                                                      \
    {                                                                                                        \
        "ascending", SL_WANT_BOOLEAN | SL_WANT_NIL, true, "false: the largest first"                         \
    }

static bool is_descending(const struct sl_node *node)
{
    const struct sort_spec *spec = node->op->spec;
    return spec->ascending == NONE ? spec->descending : !sl_node_boolean(node, spec->ascending, true);
}

static int begin(struct sl_stage *stage)
{
    struct sl_sorting *sorting = stage->state;
    const struct sl_node *node = stage->node;
    const struct sort_spec *spec = node->op->spec;
    const struct sl_function *function =
        spec->function == NONE ? NULL : sl_node_function(node, spec->function);
    bool descending = is_descending(node);
    enum sl_sort_by by = spec->by_key ? SL_SORT_BY_KEY : function ? SL_SORT_BY_FUNCTION : SL_SORT_BY_RECORD;
    int r = sl_sorting_begin(stage, by, descending);
    sorting->function = function;
    if (stage->first_rows)
        sorting->rows_max = stage->first_rows;
    if (spec->only_first)
        sorting->rows_max = 1;
    if (spec->count != NONE)
        sorting->rows_max = (uint64_t)sl_node_integer(node, spec->count, 0);
    return r;
}

static int finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    const struct sort_spec *spec = stage->node->op->spec;
    struct sl_dataset *dataset;
    int r = sl_sorting_finish(stage, &dataset);
    if (r == 0)
        r = sl_cut_partitions(stage, spec->partitions, &dataset);
    if (r == 0)
        *ret = dataset;
    return r;
}

/* ---- partial results: tasks sort, by parts of the keys, and the driver merges; of the first records each has few ---- */

static enum sl_result_order order(const struct sl_node *node)
{
    const struct sort_spec *spec = node->op->spec;
    if (spec->count != NONE || spec->only_first)
        return SL_RESULT_WHOLE;
    return is_descending(node) ? SL_RESULT_SORTED_DOWN : SL_RESULT_SORTED_UP;
}

static int cut(struct sl_stage *stage, struct sl_dataset **dataset)
{
    const struct sort_spec *spec = stage->node->op->spec;
    return sl_cut_partitions(stage, spec->partitions, dataset);
}

static const struct sl_partial partial = {order, sl_sort_emit, sl_sort_absorb, cut, sl_sort_groups};

static const struct sl_wide sort_wide = {
    .state_size = sizeof(struct sl_sorting),
    .begin = begin,
    .lane_open = sl_sorting_lane_open,
    .lane_close = sl_sorting_lane_close,
    .push = sl_sorting_push,
    .finish = finish,
    .done = sl_sorting_done,
    .takes_pieces = sl_always_takes_pieces,
    .partial = &partial,
    .bounded = 1,
};

/* The first records: a lane keeps no more of them, in memory or, where they are many, on disk. */
static const struct sl_wide first_wide = {
    .state_size = sizeof(struct sl_sorting),
    .begin = begin,
    .lane_open = sl_sorting_lane_open,
    .lane_close = sl_sorting_lane_close,
    .push = sl_sorting_push,
    .finish = sl_sorting_finish,
    .done = sl_sorting_done,
    .takes_pieces = sl_always_takes_pieces,
    .partial = &partial,
    .bounded = 1,
};

/* ---- sortBy ---- */

static const struct sl_param sort_by_params[] = {
    {"f", SL_WANT_FUNCTION, false, "gets the record's fields, returns what to sort by"},
    PARAM_ASCENDING,
    SL_PARAM_PARTITIONS,
    {0},
};

static const struct sort_spec sort_by_spec = {.function = 0, .ascending = 1, .partitions = 2, .count = NONE};

const struct sl_op sl_op_sort_by = {
    .name = "sortBy",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Sorts the records by what f returns of them; equal ones stay in input order",
    .example = "s:sortBy(function(line) return #line end)",
    .params = sort_by_params,
    .wide = &sort_wide,
    .spec = &sort_by_spec,
    .check = sl_partition_count_check,
    .columns = sl_columns_of_input,
};

/* ---- sortByKey ---- */

static const struct sl_param sort_by_key_params[] = {PARAM_ASCENDING, SL_PARAM_PARTITIONS, {0}};

static const struct sort_spec sort_by_key_spec = {
    .function = NONE, .ascending = 0, .partitions = 1, .count = NONE, .by_key = true};

const struct sl_op sl_op_sort_by_key = {
    .name = "sortByKey",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Sorts pairs by their keys; pairs of one key stay in input order",
    .example = "s:map(sluice.pair(1)):sortByKey(false)",
    .params = sort_by_key_params,
    .wide = &sort_wide,
    .spec = &sort_by_key_spec,
    .check = sl_partition_count_check,
    .columns = sl_columns_of_input,
};

/* ---- top ---- */

static const struct sl_param top_params[] = {
    {"n", SL_WANT_INTEGER, false, "how many records"},
    {"f", SL_WANT_FUNCTION | SL_WANT_NIL, true,
     "gets the record's fields, returns what counts; without it the record does"},
    {0},
};

static const struct sort_spec top_spec = {
    .function = 1, .ascending = NONE, .partitions = NONE, .count = 0, .descending = true};

const struct sl_op sl_op_top = {
    .name = "top",
    .kind = SL_OP_WIDE,
    .family = "shuffle",
    .summary = "Keeps the n largest records, the largest first; of equal ones the first",
    .example = "s:map(sluice.pair(1)):reduceByKey(sluice.sum):top(10, sluice.select(2))",
    .params = top_params,
    .wide = &first_wide,
    .spec = &top_spec,
    .columns = sl_columns_of_input,
};

/* ---- takeOrdered, min, max ---- */

static const struct sort_spec take_ordered_spec = {
    .function = 1, .ascending = NONE, .partitions = NONE, .count = 0};

const struct sl_op sl_op_take_ordered = {
    .name = "takeOrdered",
    .kind = SL_OP_WIDE,
    .family = "whole dataset",
    .summary = "Keeps the n smallest records, the smallest first; of equal ones the first",
    .example = "s:takeOrdered(2, sluice.length)",
    .params = top_params,
    .wide = &first_wide,
    .spec = &take_ordered_spec,
    .columns = sl_columns_of_input,
};

static const struct sl_param key_params[] = {
    {"key", SL_WANT_FUNCTION | SL_WANT_NIL, true,
     "gets the record's fields, returns what counts; without it the record does"},
    {0},
};

static const struct sort_spec min_spec = {
    .function = 0, .ascending = NONE, .partitions = NONE, .count = NONE, .only_first = true};

const struct sl_op sl_op_min = {
    .name = "min",
    .kind = SL_OP_WIDE,
    .family = "whole dataset",
    .summary = "The smallest record of a batch; none where there are none",
    .example = "s:min()",
    .params = key_params,
    .wide = &first_wide,
    .spec = &min_spec,
    .columns = sl_columns_of_input,
};

static const struct sort_spec max_spec = {.function = 0,
                                          .ascending = NONE,
                                          .partitions = NONE,
                                          .count = NONE,
                                          .only_first = true,
                                          .descending = true};

const struct sl_op sl_op_max = {
    .name = "max",
    .kind = SL_OP_WIDE,
    .family = "whole dataset",
    .summary = "The largest record of a batch; none where there are none",
    .example = "s:max(sluice.length)",
    .params = key_params,
    .wide = &first_wide,
    .spec = &max_spec,
    .columns = sl_columns_of_input,
};
