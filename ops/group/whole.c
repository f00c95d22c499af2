/* What RDDs have beside reduce and count: all records of a batch become one record, which an empty batch has, too,
 * as in Spark: sum, mean, variance, stdev, stats, histogram, countApproxDistinct, fold, aggregate, treeReduce,
 * treeAggregate. */
#include "ops/group/by_key.h"
#include "ops/reducer/approx_distinct.h"
#include "ops/reducer/histogram.h"
#include "ops/reducer/reducers.h"
#include "ops/reducer/stats.h"

#include <math.h>

struct whole {
    struct sl_by_key by_key; /* first: ops/group/by_key.h */
    struct sl_histogram histogram;
    _Atomic bool has_rows; /* some came, whether they could be processed or not */
};

static int push(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in)
{
    struct whole *whole = stage->state;
    atomic_store_explicit(&whole->has_rows, true, memory_order_relaxed);
    return sl_by_key_push(stage, lane, in);
}

/* An operator of the family. */
struct whole_spec {
    struct sl_by_key_spec by_key; /* first */
    struct sl_field empty; /* the result where there are no records; nil: none. A zero value is its own */
};

/* The result, or `empty` where there were no records. A reducer that failed leaves none: that is reported. */
static int finish_or(struct sl_stage *stage, struct sl_field empty, struct sl_dataset **ret)
{
    const struct whole *whole = stage->state;
    int r = sl_by_key_finish(stage, ret);
    return r < 0 || whole->has_rows || (*ret)->count ? r : sl_append_row(*ret, &empty, 1);
}

static int finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    const struct whole_spec *spec = stage->node->op->spec;
    if (spec->by_key.from == SL_REDUCER_ZERO_VALUE)
        return finish_or(stage, sl_node_value(stage->node, 0), ret);
    return spec->empty.tag == SL_NIL ? sl_by_key_finish(stage, ret) : finish_or(stage, spec->empty, ret);
}

/* ---- partial results ---- */

static enum sl_result_order order(const struct sl_node *node)
{
    (void)node;
    return SL_RESULT_WHOLE;
}

struct emission {
    sl_partial_row *row;
    void *arg;
    bool any;
};

static int emit_row(void *arg, const struct sl_field row[SL_PARTIAL_FIELDS])
{
    struct emission *emission = arg;
    emission->any = true;
    return emission->row(emission->arg, row);
}

/* Rows of which none could be processed are a row, too: that there were some decides what is shown. */
static int emit(struct sl_stage *stage, struct sl_lane *lane, sl_partial_row *row, void *arg)
{
    struct whole *whole = stage->state;
    struct emission emission = {row, arg, false};
    const struct sl_field had_rows[SL_PARTIAL_FIELDS] = {sl_nil(), sl_nil(), sl_nil()};
    int r = sl_aggregate_emit(&whole->by_key.aggregate, lane, emit_row, &emission);
    return r == 0 && !emission.any && whole->has_rows ? row(arg, had_rows) : r;
}

static int absorb(struct sl_stage *stage, struct sl_lane *lane, const struct sl_field row[SL_PARTIAL_FIELDS])
{
    struct whole *whole = stage->state;
    atomic_store_explicit(&whole->has_rows, true, memory_order_relaxed);
    return row[1].tag == SL_NIL ? 0 : sl_aggregate_absorb(&whole->by_key.aggregate, lane, row);
}

static const struct sl_partial partial = {order, emit, absorb, NULL, NULL};

#define WHOLE_WIDE(begin_, finish_)                                                                          \
    {                                                                                                        \
        .state_size = sizeof(struct whole), .begin = (begin_), .lane_open = sl_by_key_lane_open,             \
        .lane_close = sl_by_key_lane_close, .push = push, .finish = (finish_), .done = sl_by_key_done,       \
        .takes_pieces = sl_by_key_takes_pieces, .partial = &partial                                          \
    }
#define WHOLE_OF(from_, ...)                                                                                 \
    {                                                                                                        \
        (from_), .key_of = SL_KEY_NONE, .form = SL_FORM_VALUE, .partitions = SL_PARAMS_MAX, __VA_ARGS__      \
    }

static const struct sl_wide whole_wide = WHOLE_WIDE(sl_by_key_begin, finish);

/* ---- sum, mean, variance, stdev, stats, countApproxDistinct ---- */

static const struct whole_spec sum_spec = {.by_key = WHOLE_OF(SL_REDUCER_OWN, .reducer = &sl_reducer_sum),
                                           .empty = {.tag = SL_INT}};

const struct sl_op sl_op_sum = {
    .name = "sum",
    .kind = SL_OP_WIDE,
    .family = "whole dataset",
    .summary = "Adds the numbers of a batch; 0 where there are none",
    .example = "s:map(sluice.length):sum()",
    .wide = &whole_wide,
    .spec = &sum_spec,
};

static const struct whole_spec mean_spec = {.by_key = WHOLE_OF(SL_REDUCER_OWN, .reducer = &sl_reducer_mean),
                                            .empty = {.tag = SL_FLOAT}};

const struct sl_op sl_op_mean = {
    .name = "mean",
    .kind = SL_OP_WIDE,
    .family = "whole dataset",
    .summary = "The mean of the numbers of a batch; 0.0 where there are none, as in PySpark",
    .example = "s:map(sluice.length):mean()",
    .wide = &whole_wide,
    .spec = &mean_spec,
};

static const struct whole_spec variance_spec = {.by_key =
                                                    WHOLE_OF(SL_REDUCER_OWN, .reducer = &sl_reducer_variance),
                                                .empty = {.tag = SL_FLOAT, .number = NAN}};

const struct sl_op sl_op_variance = {
    .name = "variance",
    .kind = SL_OP_WIDE,
    .family = "whole dataset",
    .summary = "The variance of the numbers of a batch, of the population; nan where there are none",
    .example = "s:map(sluice.length):variance()",
    .wide = &whole_wide,
    .spec = &variance_spec,
};

static const struct whole_spec stdev_spec = {.by_key = WHOLE_OF(SL_REDUCER_OWN, .reducer = &sl_reducer_stdev),
                                             .empty = {.tag = SL_FLOAT, .number = NAN}};

const struct sl_op sl_op_stdev = {
    .name = "stdev",
    .kind = SL_OP_WIDE,
    .family = "whole dataset",
    .summary =
        "The standard deviation of the numbers of a batch, of the population; nan where there are none",
    .example = "s:map(sluice.length):stdev()",
    .wide = &whole_wide,
    .spec = &stdev_spec,
};

static const struct whole_spec stats_spec = {.by_key =
                                                 WHOLE_OF(SL_REDUCER_OWN, .reducer = &sl_reducer_stats)};

static int stats_finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    struct sl_field pairs[SL_STATS_FIELDS];
    return finish_or(stage, sl_stats_map(pairs, 0, 0, NAN, sl_number(INFINITY), sl_number(-INFINITY)), ret);
}

static const struct sl_wide stats_wide = WHOLE_WIDE(sl_by_key_begin, stats_finish);

const struct sl_op sl_op_stats = {
    .name = "stats",
    .kind = SL_OP_WIDE,
    .family = "whole dataset",
    .summary = "A map with count, mean, stdev, min and max of the numbers of a batch",
    .example = "s:map(sluice.length):stats()",
    .wide = &stats_wide,
    .spec = &stats_spec,
};

static const struct sl_param distinct_params[] = {
    {"relativeSD", SL_WANT_NUMBER | SL_WANT_NIL, true, "accepted without effect: the error is at most 5 %"},
    {0},
};

static const struct whole_spec distinct_spec = {
    .by_key = WHOLE_OF(SL_REDUCER_OWN, .reducer = &sl_reducer_approx_distinct), .empty = {.tag = SL_INT}};

const struct sl_op sl_op_count_approx_distinct = {
    .name = "countApproxDistinct",
    .kind = SL_OP_WIDE,
    .family = "whole dataset",
    .summary = "About how many different records a batch has: exact below 2,048, else off by at most 5 %",
    .example = "s:countApproxDistinct()",
    .params = distinct_params,
    .wide = &whole_wide,
    .spec = &distinct_spec,
};

/* ---- histogram ---- */

static int histogram_begin(struct sl_stage *stage)
{
    struct whole *whole = stage->state;
    struct sl_field edges = sl_node_value(stage->node, 0);
    sl_histogram_init(&whole->histogram, &edges);
    return sl_by_key_init(&whole->by_key, stage, &whole->histogram.reducer, SL_KEY_NONE, SL_FORM_VALUE,
                          SL_PARAMS_MAX);
}

/* (edges, counts), as PySpark's histogram gives them. */
static int show_histogram(struct sl_stage *stage, const struct sl_dataset *counts, struct sl_dataset *shown)
{
    struct sl_field row[SL_WIDTH_MAX] = {sl_node_value(stage->node, 0)};
    struct sl_cursor cursor;
    uint32_t width, buckets = row[0].len - 1;
    struct sl_field *zero = sl_arena_alloc(stage->tasks[0].scratch, buckets * sizeof *zero);
    if (!zero)
        return SL_ENOMEM;
    for (uint32_t i = 0; i < buckets; i++)
        zero[i] = sl_integer(0);
    sl_cursor_init(&cursor, counts);
    if (!sl_cursor_next(&cursor, &row[1], &width))
        row[1] = sl_list(zero, buckets);
    return sl_append_row(shown, row, 2);
}

static int histogram_finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    const struct whole *whole = stage->state;
    struct sl_dataset *counts;
    int r = sl_by_key_finish(stage, &counts);
    if (r < 0)
        return r;
    struct sl_dataset *shown = sl_dataset_new(1);
    sl_arena_reset(stage->tasks[0].scratch);
    if (shown && (counts->count || !whole->has_rows))
        r = show_histogram(stage, counts, shown);
    sl_dataset_unref(counts);
    if (shown && r == 0) {
        *ret = shown;
        return 0;
    }
    sl_dataset_unref(shown);
    return SL_ENOMEM;
}

static int histogram_check(struct sl_node *node, struct sl_error *err)
{
    struct sl_field edges = sl_node_value(node, 0);
    return sl_histogram_check(&edges, err);
}

static const struct whole_spec histogram_spec = {
    .by_key = WHOLE_OF(SL_REDUCER_OWN, .reducer = &sl_reducer_nothing)};
static const struct sl_wide histogram_wide = WHOLE_WIDE(histogram_begin, histogram_finish);

static const struct sl_param histogram_params[] = {
    {"edges", SL_WANT_LIST, false,
     "numbers in ascending order: where the buckets begin, and where the last ends; in foreachRDD also a number of "
     "equal buckets from the smallest to the largest value"},
    {0},
};

const struct sl_op sl_op_histogram = {
    .name = "histogram",
    .kind = SL_OP_WIDE,
    .family = "whole dataset",
    .summary =
        "How many numbers of a batch are in each bucket: (edges, counts); the last bucket includes its end",
    .example = "s:map(sluice.length):histogram({0, 2, 10, 50})",
    .params = histogram_params,
    .wide = &histogram_wide,
    .spec = &histogram_spec,
    .check = histogram_check,
};

/* ---- fold, aggregate, treeReduce, treeAggregate ---- */

static const struct whole_spec fold_spec = {.by_key = WHOLE_OF(SL_REDUCER_ZERO_VALUE, .combine = 1)};
static const struct whole_spec aggregate_spec = {.by_key = WHOLE_OF(SL_REDUCER_ZERO_VALUE, .combine = 2)};
static const struct whole_spec tree_reduce_spec = {.by_key = WHOLE_OF(SL_REDUCER_PARAM)};

static const struct sl_param fold_params[] = {
    {"zeroValue", SL_WANT_VALUE | SL_WANT_NIL, false, "what every partition begins with"},
    {"op", SL_WANT_FUNCTION, false, "a function of two values that gives one"},
    {0},
};

const struct sl_op sl_op_fold = {
    .name = "fold",
    .kind = SL_OP_WIDE,
    .family = "whole dataset",
    .summary = "Combines all records of a batch by one function, beginning with a zero value",
    .example = "s:map(sluice.length):fold(0, function(a, b) return a + b end)",
    .params = fold_params,
    .wide = &whole_wide,
    .spec = &fold_spec,
};

static const struct sl_param aggregate_params[] = {
    {"zeroValue", SL_WANT_VALUE | SL_WANT_NIL, false, "what every partition begins with"},
    {"seqOp", SL_WANT_FUNCTION, false, "adds a record to a combined value"},
    {"combOp", SL_WANT_FUNCTION, false, "adds a combined value to another"},
    {0},
};

const struct sl_op sl_op_aggregate = {
    .name = "aggregate",
    .kind = SL_OP_WIDE,
    .family = "whole dataset",
    .summary = "Combines all records of a batch into a value of another type, beginning with a zero value",
    .example = "s:aggregate(0, function(n, line) return n + #line end, function(a, b) return a + b end)",
    .params = aggregate_params,
    .wide = &whole_wide,
    .spec = &aggregate_spec,
};

static const struct sl_param tree_aggregate_params[] = {
    {"zeroValue", SL_WANT_VALUE | SL_WANT_NIL, false, "what every partition begins with"},
    {"seqOp", SL_WANT_FUNCTION, false, "adds a record to a combined value"},
    {"combOp", SL_WANT_FUNCTION, false, "adds a combined value to another"},
    {"depth", SL_WANT_COUNT | SL_WANT_NIL, true, "accepted without effect"},
    {0},
};

const struct sl_op sl_op_tree_aggregate = {
    .name = "treeAggregate",
    .kind = SL_OP_WIDE,
    .family = "whole dataset",
    .summary = "The same as aggregate",
    .example = "s:treeAggregate(0, function(n, line) return n + #line end, function(a, b) return a + b end)",
    .params = tree_aggregate_params,
    .wide = &whole_wide,
    .spec = &aggregate_spec,
};

static const struct sl_param tree_reduce_params[] = {
    {"f", SL_WANT_REDUCER, false, "a function of two records that gives one, or a native reducer"},
    {"depth", SL_WANT_COUNT | SL_WANT_NIL, true, "accepted without effect"},
    {0},
};

const struct sl_op sl_op_tree_reduce = {
    .name = "treeReduce",
    .kind = SL_OP_WIDE,
    .family = "whole dataset",
    .summary = "The same as reduce",
    .example = "s:map(sluice.length):treeReduce(sluice.sum)",
    .params = tree_reduce_params,
    .wide = &whole_wide,
    .spec = &tree_reduce_spec,
};
