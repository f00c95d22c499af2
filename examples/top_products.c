/* top_products.lua in C: the three products of each batch that brought most, like Spark's
 * SqlNetworkWordCount. */
#include "examples/program.h"

/* Pairs of product and amount. */
static struct sl_stream *sales(struct sl_context *ssc)
{
    struct sl_stream *lines = sl_source(ssc, "textFileStream", SL_STR_ARG("in"));
    struct sl_stream *fields = sl_apply(
        lines, "map", SL_FN_ARG(sl_call(ssc, "fields", SL_STR_ARG(","), SL_INT_ARG(1), SL_INT_ARG(2))));
    return sl_apply(fields, "map", SL_FN_ARG(sl_call(ssc, "number", SL_INT_ARG(2))));
}

/* { format = "csv", header = { "product", "total", "sales" } } */
static void save(struct sl_stream *best)
{
    sl_output(
        best, "saveAsTextFiles", SL_STR_ARG("out/best"), SL_STR_ARG("csv"),
        SL_OPTIONS_ARG({"format", SL_STR_ARG("csv")},
                       {"header", SL_LIST_ARG(sl_text("product"), sl_text("total"), sl_text("sales"))}));
}

static void declare(struct sl_context *ssc)
{
    struct sl_stream *sold = sales(ssc);
    struct sl_stream *totals = sl_apply(sold, "reduceByKey", example_builtin(ssc, "sum"));
    struct sl_stream *counts = sl_apply(sold, "countByKey");
    struct sl_stream *both = sl_apply(totals, "join", SL_STREAM_ARG(counts));
    struct sl_stream *sorted =
        sl_apply(both, "sortBy", SL_FN_ARG(sl_call(ssc, "select", SL_INT_ARG(2))), SL_BOOL_ARG(false));

    save(sl_apply(sorted, "take", SL_INT_ARG(3)));
}

int main(int argc, char **argv)
{
    return example_run(argc, argv, "top_products", declare);
}
