/* url_counts.lua in C: requests and bytes by URL over the last four seconds of access logs, every two
 * seconds. */
#include "examples/program.h"

static const char request[] = "\"(?:GET|POST|HEAD) ([^ ?\"]+)[^\"]*\" (\\d{3}) (\\d+)";

/* Records of URL, status and bytes, without errors. */
static struct sl_stream *answered(struct sl_context *ssc)
{
    struct sl_stream *lines = sl_source(ssc, "textFileStream", SL_STR_ARG("in"));
    struct sl_stream *requests =
        sl_apply(lines, "flatMap", SL_FN_ARG(sl_call(ssc, "regex", SL_STR_ARG(request))));
    struct sl_stream *good =
        sl_apply(requests, "filter", SL_FN_ARG(sl_call(ssc, "lt", SL_INT_ARG(2), SL_STR_ARG("400"))));
    return sl_apply(good, "map", SL_FN_ARG(sl_call(ssc, "number", SL_INT_ARG(3))));
}

static void declare(struct sl_context *ssc)
{
    struct sl_stream *records = answered(ssc);
    struct sl_stream *urls = sl_apply(records, "map", SL_FN_ARG(sl_call(ssc, "select", SL_INT_ARG(1))));
    struct sl_stream *sizes =
        sl_apply(records, "map", SL_FN_ARG(sl_call(ssc, "select", SL_INT_ARG(1), SL_INT_ARG(3))));
    struct sl_stream *requests = sl_apply(urls, "countByValueAndWindow", SL_STR_ARG("4s"), SL_STR_ARG("2s"));
    struct sl_stream *bytes = sl_apply(sizes, "reduceByKeyAndWindow", example_builtin(ssc, "sum"), SL_NIL_ARG,
                                       SL_STR_ARG("4s"), SL_STR_ARG("2s"));
    struct sl_stream *both = sl_apply(requests, "join", SL_STREAM_ARG(bytes));

    sl_output(both, "saveAsTextFiles", SL_STR_ARG("out/urls"), SL_STR_ARG("txt"));
}

int main(int argc, char **argv)
{
    return example_run(argc, argv, "url_counts", declare);
}
