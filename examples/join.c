/* join.lua in C: two streams, impressions and clicks of advertisements, both `id,user`, joined over two
 * seconds. */
#include "examples/program.h"

static struct sl_stream *by_id(struct sl_context *ssc, const char *dir)
{
    struct sl_stream *lines = sl_source(ssc, "textFileStream", SL_STR_ARG(dir));
    struct sl_stream *pairs = sl_apply(
        lines, "map", SL_FN_ARG(sl_call(ssc, "fields", SL_STR_ARG(","), SL_INT_ARG(1), SL_INT_ARG(2))));
    return sl_apply(pairs, "window", SL_STR_ARG("2s"));
}

/* { format = "csv", header = { "id", "shown to", "clicked by" } } */
static void save_clicks(struct sl_stream *clicks)
{
    sl_output(
        clicks, "saveAsTextFiles", SL_STR_ARG("out/clicks"), SL_STR_ARG("csv"),
        SL_OPTIONS_ARG({"format", SL_STR_ARG("csv")},
                       {"header", SL_LIST_ARG(sl_text("id"), sl_text("shown to"), sl_text("clicked by"))}));
}

static void declare(struct sl_context *ssc)
{
    struct sl_stream *shown = by_id(ssc, "impressions"), *clicked = by_id(ssc, "clicks");
    struct sl_stream *left = sl_apply(shown, "subtractByKey", SL_STREAM_ARG(clicked));
    struct sl_stream *ignored = sl_apply(sl_apply(left, "keys"), "distinct");

    save_clicks(sl_apply(shown, "leftOuterJoin", SL_STREAM_ARG(clicked)));
    sl_output(ignored, "saveAsTextFiles", SL_STR_ARG("out/ignored"), SL_STR_ARG("txt"));
}

int main(int argc, char **argv)
{
    return example_run(argc, argv, "join", declare);
}
