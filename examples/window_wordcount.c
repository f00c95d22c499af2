/* window_wordcount.lua in C: words in windows of five seconds of event time. A line begins with its time. */
#include "examples/program.h"

static struct sl_arg select_of(struct sl_context *ssc, const struct sl_arg *fields, size_t count)
{
    return SL_FN_ARG(sl_call_args(ssc, "select", fields, count));
}

/* Pairs of word and 1, with the times of the lines. */
static struct sl_stream *timed_words(struct sl_context *ssc)
{
    const struct sl_arg text[] = {SL_INT_ARG(2)};
    struct sl_function *parts = sl_call(ssc, "regex", SL_STR_ARG("^(\\S+) (.*)$"));
    struct sl_function *time = sl_call(ssc, "timestamp", SL_INT_ARG(1), SL_STR_ARG("iso8601"));
    struct sl_stream *lines = sl_source(ssc, "textFileStream", SL_STR_ARG("in"));
    struct sl_stream *timed = sl_apply(sl_apply(lines, "flatMap", SL_FN_ARG(parts)), "withWatermark",
                                       SL_FN_ARG(time), SL_STR_ARG("10s"));
    struct sl_stream *texts = sl_apply(timed, "map", select_of(ssc, text, 1));
    struct sl_stream *words = sl_apply(texts, "flatMap", example_builtin(ssc, "words"));
    return sl_apply(words, "map", SL_FN_ARG(sl_call(ssc, "pair", SL_INT_ARG(1))));
}

static void declare(struct sl_context *ssc)
{
    const struct sl_arg shown[] = {SL_INT_ARG(1), SL_INT_ARG(3), SL_INT_ARG(4)};
    struct sl_function *clock_time = sl_call(ssc, "formatTime", SL_INT_ARG(1), SL_STR_ARG("%H:%M:%S"));
    struct sl_stream *windows =
        sl_apply(timed_words(ssc), "eventWindow", SL_OPTIONS_ARG({"size", SL_STR_ARG("5s")}));
    struct sl_stream *counts = sl_apply(windows, "reduceByKey", example_builtin(ssc, "sum"));
    struct sl_stream *named = sl_apply(counts, "map", SL_FN_ARG(clock_time));
    sl_output(sl_apply(named, "map", select_of(ssc, shown, 3)), "saveAsTextFiles", SL_STR_ARG("out/words"),
              SL_STR_ARG("txt"));
}

int main(int argc, char **argv)
{
    return example_run(argc, argv, "window_wordcount", declare);
}
