/* log_analyzer.lua in C: access logs in Apache's common format, over a window: content sizes, counts by response code,
 * addresses that came more than once, the most frequent endpoints. */
#include "examples/program.h"

static const char pattern[] = "^(\\S+) \\S+ \\S+ \\[[^\\]]+\\] \"\\S+ (\\S+)[^\"]*\" (\\d{3}) (\\d+|-)$";

enum { ADDRESS, ENDPOINT, CODE, SIZE };

/* "-" is no content. */
static int content_size(void *user, struct sl_invocation *call, const struct sl_field *argv, uint32_t argc)
{
    (void)user, (void)argc;
    int64_t size = 0;
    for (uint32_t i = 0; i < argv[SIZE].len; i++)
        if (argv[SIZE].str[i] != '-')
            size = size * 10 + argv[SIZE].str[i] - '0';
    struct sl_field value = sl_integer(size);
    return sl_return(call, &value, 1);
}

/* What stats gives is a map: count, max, mean, min, stdev, in the order of their names. */
static int spread_stats(void *user, struct sl_invocation *call, const struct sl_field *argv, uint32_t argc)
{
    (void)user, (void)argc;
    const struct sl_field *pairs = argv[0].items;
    const struct sl_field row[] = {pairs[1], pairs[7], pairs[3], pairs[5]};
    return sl_return(call, row, 4);
}

static struct sl_stream *count_field(struct sl_context *ssc, struct sl_stream *logs, int64_t field)
{
    struct sl_stream *values = sl_apply(logs, "map", SL_FN_ARG(sl_call(ssc, "select", SL_INT_ARG(field))));
    return sl_apply(values, "countByValue");
}

static void save(struct sl_stream *stream, const char *prefix)
{
    sl_output(stream, "saveAsTextFiles", SL_STR_ARG(prefix), SL_STR_ARG("txt"));
}

static void declare(struct sl_context *ssc)
{
    struct sl_function *parse = sl_call(ssc, "regex", SL_STR_ARG(pattern), SL_INT_ARG(1), SL_INT_ARG(2),
                                        SL_INT_ARG(3), SL_INT_ARG(4));
    struct sl_stream *lines = sl_source(ssc, "textFileStream", SL_STR_ARG("in"));
    struct sl_stream *logs =
        sl_apply(sl_apply(lines, "flatMap", SL_FN_ARG(parse)), "window", SL_STR_ARG("3s"), SL_STR_ARG("1s"));
    struct sl_stream *sizes = sl_apply(logs, "map", SL_FN_ARG(sl_function_new(ssc, content_size, NULL)));
    struct sl_stream *stats = sl_apply(sizes, "stats");
    struct sl_function *often = sl_call(ssc, "gt", SL_INT_ARG(2), SL_INT_ARG(1));

    save(sl_apply(stats, "map", SL_FN_ARG(sl_function_new(ssc, spread_stats, NULL))), "out/sizes");
    save(count_field(ssc, logs, CODE + 1), "out/codes");
    save(sl_apply(count_field(ssc, logs, ADDRESS + 1), "filter", SL_FN_ARG(often)), "out/addresses");
    save(sl_apply(count_field(ssc, logs, ENDPOINT + 1), "top", SL_INT_ARG(2),
                  SL_FN_ARG(sl_call(ssc, "select", SL_INT_ARG(2)))),
         "out/endpoints");
}

int main(int argc, char **argv)
{
    return example_run(argc, argv, "log_analyzer", declare);
}
