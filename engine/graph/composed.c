/* groupBy, groupWith, cartesian, zip, repartitionAndSortWithinPartitions: methods of RDDs that are two or three operators. */
#include "engine/graph/composed.h"

#include "engine/graph/graph.h"
#include "ops/list.h"

enum { GROUPED_STREAMS = 4 }; /* of groupWith as arguments; a list may have more */

static struct sl_stream *apply(struct sl_stream *stream, const char *name, const struct sl_arg *argv,
                               size_t argc)
{
    return sl_apply_args(stream, name, argv, argc);
}

static struct sl_arg builtin(struct sl_context *context, const char *name, const struct sl_arg *argv,
                             size_t argc)
{
    return SL_FN_ARG(sl_call_args(context, name, argv, argc));
}

#define PARAM_PARTITIONS                                                                                     \
    {                                                                                                        \
        "numPartitions", SL_WANT_COUNT | SL_WANT_NIL, true, "number of contiguous partitions of the result"  \
    }

/* ---- groupBy ---- */

static struct sl_stream *group_by(struct sl_stream *stream, const struct sl_arg *arg)
{
    return apply(apply(stream, "keyBy", &arg[0], 1), "groupByKey", &arg[1], arg[1].kind != SL_ARG_NONE);
}

static const struct sl_param group_by_params[] = {
    {"f", SL_WANT_FUNCTION, false, "gets the record's fields, returns its key"},
    PARAM_PARTITIONS,
    {0},
};

static const struct sl_op group_by_op = {
    .name = "groupBy",
    .kind = SL_OP_META,
    .family = "whole dataset",
    .summary = "Collects the records of each key that f returns in a list: keyBy(f) and groupByKey()",
    .example = "s:groupBy(sluice.length)",
    .params = group_by_params,
    .compose = group_by,
};

/* ---- groupWith ---- */

/* (key, list, ..., list) of `lists` lists, and one more from `other`. */
static struct sl_stream *group_with_one_more(struct sl_stream *grouped, unsigned lists,
                                             struct sl_stream *other)
{
    struct sl_arg right = sl_stream_arg(other), count = SL_INT_ARG(lists);
    struct sl_stream *met = apply(grouped, "cogroup", &right, 1);
    if (!met || lists == 1)
        return met;
    return sl_stream_add(sl_stream_context(met), &sl_op_lists_together, met, &count, 1);
}

/* The streams are one list, or arguments. */
static struct sl_stream *group_with(struct sl_stream *stream, const struct sl_arg *arg)
{
    unsigned lists = 1;
    if (arg[0].kind == SL_ARG_STREAMS)
        for (size_t i = 0; stream && i < arg[0].count; i++)
            stream = group_with_one_more(stream, lists++, arg[0].streams[i]);
    for (size_t i = arg[0].kind == SL_ARG_STREAMS;
         stream && i < GROUPED_STREAMS && arg[i].kind == SL_ARG_STREAM; i++)
        stream = group_with_one_more(stream, lists++, arg[i].stream);
    return stream;
}

static const struct sl_param group_with_params[1 + GROUPED_STREAMS] = {
    {"other", SL_WANT_STREAM | SL_WANT_STREAMS, false, "a stream of pairs, or a list of several"},
    {"second", SL_WANT_STREAM, true, "one more"},
    {"third", SL_WANT_STREAM, true, "one more"},
    {"fourth", SL_WANT_STREAM, true, "one more"},
};

static const struct sl_op group_with_op = {
    .name = "groupWith",
    .kind = SL_OP_META,
    .family = "two streams",
    .summary =
        "Collects the values of each key, a list for each stream: (key, list, list, ...); cogroup of several",
    .example = "s:map(sluice.pair(1)):groupWith(s2:map(sluice.pair(2)))",
    .params = group_with_params,
    .compose = group_with,
};

/* ---- cartesian ---- */

/* All records under one key. */
static struct sl_stream *under_one_key(struct sl_stream *stream)
{
    struct sl_arg zero = SL_INT_ARG(0);
    struct sl_arg key = builtin(sl_stream_context(stream), "const", &zero, 1);
    return key.function ? apply(stream, "keyBy", &key, 1) : NULL;
}

static struct sl_stream *without_key(struct sl_stream *pairs)
{
    if (!pairs)
        return NULL;
    const struct sl_arg numbers[] = {SL_INT_ARG(2), SL_INT_ARG(3)};
    struct sl_arg fields = builtin(sl_stream_context(pairs), "select", numbers, 2);
    return fields.function ? apply(pairs, "map", &fields, 1) : NULL;
}

static struct sl_stream *cartesian(struct sl_stream *stream, const struct sl_arg *arg)
{
    struct sl_arg right = sl_stream_arg(under_one_key(arg[0].stream));
    return right.stream ? without_key(apply(under_one_key(stream), "join", &right, 1)) : NULL;
}

static const struct sl_param other_params[] = {
    {"other", SL_WANT_STREAM, false, "the second stream"},
    {0},
};

static const struct sl_op cartesian_op = {
    .name = "cartesian",
    .kind = SL_OP_META,
    .family = "whole dataset",
    .summary = "Pairs each record of the first stream with each of the second: (left, right)",
    .example = "s:cartesian(s2)",
    .params = other_params,
    .compose = cartesian,
};

/* ---- zip ---- */

/* (number, record) */
static struct sl_stream *numbered(struct sl_stream *stream)
{
    struct sl_arg swap = builtin(sl_stream_context(stream), "swap", NULL, 0);
    return swap.function ? apply(apply(stream, "zipWithIndex", NULL, 0), "map", &swap, 1) : NULL;
}

static struct sl_stream *zip(struct sl_stream *stream, const struct sl_arg *arg)
{
    struct sl_arg right = sl_stream_arg(numbered(arg[0].stream));
    struct sl_stream *met = right.stream ? apply(numbered(stream), "cogroup", &right, 1) : NULL;
    return met ? sl_stream_add(sl_stream_context(met), &sl_op_zip_pairs, met, NULL, 0) : NULL;
}

static const struct sl_op zip_op = {
    .name = "zip",
    .kind = SL_OP_META,
    .family = "whole dataset",
    .summary =
        "Pairs the i-th record of one stream with the i-th of another; as many records in both, or the "
        "batch fails",
    .example = "s:zip(s:map(sluice.length))",
    .one_process = SL_ONE_PROCESS_WHOLE,
    .params = other_params,
    .compose = zip,
};

/* ---- repartitionAndSortWithinPartitions ---- */

static struct sl_stream *repartition_and_sort(struct sl_stream *stream, const struct sl_arg *arg)
{
    bool has_function = arg[1].kind == SL_ARG_FUNCTION;
    struct sl_stream *cut = apply(stream, "partitionBy", arg, has_function ? 2 : 1);
    return cut ? sl_stream_add(sl_stream_context(cut), &sl_op_sort_partition, cut, &arg[2], 2) : NULL;
}

static const struct sl_param repartition_params[] = {
    {"numPartitions", SL_WANT_COUNT, false, "number of partitions"},
    {"partitionFunc", SL_WANT_FUNCTION | SL_WANT_NIL, true, "gets the key, returns the partition's number"},
    {"ascending", SL_WANT_BOOLEAN | SL_WANT_NIL, true, "false: the largest key first"},
    {"keyfunc", SL_WANT_FUNCTION | SL_WANT_NIL, true, "gets the key, returns what to sort by"},
    {0},
};

static const struct sl_op repartition_op = {
    .name = "repartitionAndSortWithinPartitions",
    .kind = SL_OP_META,
    .family = "whole dataset",
    .summary = "Cuts pairs into partitions by key, as partitionBy does, and sorts each by key",
    .example = "s:map(sluice.pair(1)):repartitionAndSortWithinPartitions(2)",
    .params = repartition_params,
    .one_process = SL_ONE_PROCESS_WHOLE,
    .compose = repartition_and_sort,
};

const struct sl_op *const sl_composed[] = {
    &cartesian_op, &group_by_op, &group_with_op, &repartition_op, &sl_op_sql_query, &zip_op, NULL};
