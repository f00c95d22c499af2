/* hashtags.lua in C: the three most frequent hashtags of the last three seconds, every second. */
#include "examples/program.h"

static void declare(struct sl_context *ssc)
{
    struct sl_stream *lines = sl_source(ssc, "textFileStream", SL_STR_ARG("in"));
    struct sl_stream *words = sl_apply(lines, "flatMap", SL_FN_ARG(sl_call(ssc, "split", SL_STR_ARG(" "))));
    struct sl_stream *tags =
        sl_apply(words, "filter", SL_FN_ARG(sl_call(ssc, "matches", SL_STR_ARG("^#\\w"))));
    struct sl_stream *lower = sl_apply(tags, "map", example_builtin(ssc, "lower"));
    struct sl_stream *pairs = sl_apply(lower, "map", SL_FN_ARG(sl_call(ssc, "pair", SL_INT_ARG(1))));
    struct sl_stream *counts = sl_apply(pairs, "reduceByKeyAndWindow", example_builtin(ssc, "sum"),
                                        SL_NIL_ARG, SL_STR_ARG("3s"), SL_STR_ARG("1s"));
    struct sl_stream *top =
        sl_apply(counts, "top", SL_INT_ARG(3), SL_FN_ARG(sl_call(ssc, "select", SL_INT_ARG(2))));

    sl_output(top, "saveAsTextFiles", SL_STR_ARG("out/top"), SL_STR_ARG("txt"));
}

int main(int argc, char **argv)
{
    return example_run(argc, argv, "hashtags", declare);
}
