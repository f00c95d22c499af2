/* late_logs.lua in C: hits by URL in five minutes of event time, from access logs whose files arrive late. */
#include "examples/program.h"

static const char request[] = "^\\S+ \\S+ \\S+ \\[([^\\]]+)\\] \"\\S+ (\\S+)";

/* Pairs of URL and 1, with the times of the requests. */
static struct sl_stream *timed_hits(struct sl_context *ssc)
{
    struct sl_stream *lines = sl_source(ssc, "textFileStream", SL_STR_ARG("in"));
    struct sl_stream *requests =
        sl_apply(lines, "flatMap", SL_FN_ARG(sl_call(ssc, "regex", SL_STR_ARG(request))));
    struct sl_function *time = sl_call(ssc, "timestamp", SL_INT_ARG(1), SL_STR_ARG("%d/%b/%Y:%H:%M:%S %z"));
    struct sl_stream *timed = sl_apply(requests, "withWatermark", SL_FN_ARG(time), SL_STR_ARG("10m"));
    struct sl_stream *urls = sl_apply(timed, "map", SL_FN_ARG(sl_call(ssc, "select", SL_INT_ARG(2))));
    return sl_apply(urls, "map", SL_FN_ARG(sl_call(ssc, "pair", SL_INT_ARG(1))));
}

static void declare(struct sl_context *ssc)
{
    struct sl_stream *windows =
        sl_apply(timed_hits(ssc), "eventWindow", SL_OPTIONS_ARG({"size", SL_STR_ARG("5m")}));
    struct sl_stream *hits = sl_apply(windows, "reduceByKey", example_builtin(ssc, "sum"));
    struct sl_stream *named =
        sl_apply(hits, "map", SL_FN_ARG(sl_call(ssc, "formatTime", SL_INT_ARG(1), SL_STR_ARG("%H:%M"))));
    struct sl_stream *shown = sl_apply(
        named, "map", SL_FN_ARG(sl_call(ssc, "select", SL_INT_ARG(1), SL_INT_ARG(3), SL_INT_ARG(4))));

    sl_output(shown, "saveAsTextFiles", SL_STR_ARG("out/hits"), SL_STR_ARG("txt"));
    sl_output(sl_apply(windows, "late"), "saveAsTextFiles", SL_STR_ARG("out/late"), SL_STR_ARG("txt"));
}

int main(int argc, char **argv)
{
    return example_run(argc, argv, "late_logs", declare);
}
