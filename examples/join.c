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
    const struct sl_field names[] = {sl_string("id", 2), sl_string("shown to", 8),
                                     sl_string("clicked by", 10)};
    const struct sl_option option[] = {
        {"format", SL_STR_ARG("csv")},
        {"header", {.kind = SL_ARG_VALUE, .value = sl_list(names, 3)}},
    };
    const struct sl_arg options = {.kind = SL_ARG_OPTIONS, .count = 2, .options = option};
    sl_output(clicks, "saveAsTextFiles", SL_STR_ARG("out/clicks"), SL_STR_ARG("csv"), options);
}

static void declare(struct sl_context *ssc)
{
    struct sl_stream *shown = by_id(ssc, "impressions"), *clicked = by_id(ssc, "clicks");
    struct sl_stream *left = sl_apply(shown, "subtractByKey", SL_STREAM_ARG(clicked));
    struct sl_stream *ignored = sl_apply_args(sl_apply_args(left, "keys", NULL, 0), "distinct", NULL, 0);

    save_clicks(sl_apply(shown, "leftOuterJoin", SL_STREAM_ARG(clicked)));
    sl_output(ignored, "saveAsTextFiles", SL_STR_ARG("out/ignored"), SL_STR_ARG("txt"));
}

int main(int argc, char **argv)
{
    return example_run(argc, argv, "join", declare);
}
