/* stateful_wordcount.lua in C: counts words from the first batch on. */
#include "examples/program.h"

/* updateStateByKey: the values, a list, and the state so far; nil where there is none. */
static int add(void *user, struct sl_invocation *call, const struct sl_field *argv, uint32_t argc)
{
    (void)user, (void)argc;
    int64_t total = argv[1].tag == SL_INT ? argv[1].integer : 0;
    for (uint32_t i = 0; i < argv[0].len; i++)
        total += argv[0].items[i].integer;
    struct sl_field state = sl_integer(total);
    return sl_return(call, &state, 1);
}

/* { initial = { { "hello", 1 }, { "world", 1 } } } */
static struct sl_stream *update(struct sl_stream *pairs, struct sl_function *function)
{
    const struct sl_field hello[] = {sl_string("hello", 5), sl_integer(1)};
    const struct sl_field world[] = {sl_string("world", 5), sl_integer(1)};
    const struct sl_field initial[] = {sl_list(hello, 2), sl_list(world, 2)};
    const struct sl_arg options = SL_OPTIONS_ARG({"initial", sl_value_arg(sl_list(initial, 2))});
    return sl_apply(pairs, "updateStateByKey", SL_FN_ARG(function), options);
}

static void declare(struct sl_context *ssc)
{
    struct sl_stream *lines = sl_source(ssc, "textFileStream", SL_STR_ARG("in"));
    struct sl_stream *words = sl_apply(lines, "flatMap", example_builtin(ssc, "words"));
    struct sl_stream *pairs = sl_apply(words, "map", SL_FN_ARG(sl_call(ssc, "pair", SL_INT_ARG(1))));
    struct sl_stream *counts = update(pairs, sl_function_new(ssc, add, NULL));

    sl_output(counts, "saveAsTextFiles", SL_STR_ARG("out/counts"), SL_STR_ARG("txt"));
}

int main(int argc, char **argv)
{
    return example_run(argc, argv, "stateful_wordcount", declare);
}
