/* clicks.lua in C: clicks on advertisements within ten minutes of the impression. */
#include "examples/program.h"

static struct sl_stream *timed(struct sl_context *ssc, const char *directory)
{
    struct sl_stream *lines = sl_source(ssc, "textFileStream", SL_STR_ARG(directory));
    struct sl_stream *fields = sl_apply(
        lines, "map",
        SL_FN_ARG(sl_call(ssc, "fields", SL_STR_ARG(","), SL_INT_ARG(1), SL_INT_ARG(2), SL_INT_ARG(3))));
    struct sl_function *time = sl_call(ssc, "timestamp", SL_INT_ARG(1), SL_STR_ARG("iso8601"));
    struct sl_stream *marked = sl_apply(fields, "withWatermark", SL_FN_ARG(time), SL_STR_ARG("1m"),
                                        SL_OPTIONS_ARG({"idleAfter", SL_STR_ARG("3s")}));
    struct sl_stream *pairs =
        sl_apply(marked, "map", SL_FN_ARG(sl_call(ssc, "select", SL_INT_ARG(2), SL_INT_ARG(3))));
    return sl_apply(pairs, "dropDuplicates");
}

static void declare(struct sl_context *ssc)
{
    struct sl_stream *shown = timed(ssc, "impressions"), *clicked = timed(ssc, "clicks");
    struct sl_stream *joined =
        sl_apply(shown, "joinWithin", SL_STREAM_ARG(clicked), SL_STR_ARG("10m"), SL_STR_ARG("left"));

    sl_output(joined, "saveAsTextFiles", SL_STR_ARG("out/clicks"), SL_STR_ARG("txt"));
}

int main(int argc, char **argv)
{
    return example_run(argc, argv, "clicks", declare);
}
