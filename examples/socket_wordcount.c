/* socket_wordcount.lua in C: counts the words that a server sends line by line.
 *
 *     nc -lk 9999
 *     ./socket_wordcount [DIR]     the port is $PORT, or 9999 */
#include "examples/program.h"

#include <stdlib.h>

static void declare(struct sl_context *ssc)
{
    const char *port = getenv("PORT");
    struct sl_stream *lines = sl_source(ssc, "socketTextStream", SL_STR_ARG("localhost"),
                                        SL_INT_ARG(port ? strtol(port, NULL, 10) : 9999));
    struct sl_stream *words = sl_apply(lines, "flatMap", SL_FN_ARG(sl_call(ssc, "split", SL_STR_ARG(" "))));
    struct sl_stream *pairs = sl_apply(words, "map", SL_FN_ARG(sl_call(ssc, "pair", SL_INT_ARG(1))));
    struct sl_stream *counts = sl_apply(pairs, "reduceByKey", example_builtin(ssc, "sum"));

    sl_output(counts, "pprint");
    sl_output(counts, "saveAsTextFiles", SL_STR_ARG("out/counts"), SL_STR_ARG("txt"));
    sl_output(counts, "mount", SL_STR_ARG("counts"));
}

int main(int argc, char **argv)
{
    return example_run(argc, argv, "socket_wordcount", declare);
}
