/* network_wordcount.lua in C, with user functions in C: counts the words of each batch. */
#include "examples/program.h"

#include <string.h>

/* flatMap: the words of a line, a list of strings that are slices of it. */
static int words_of(void *user, struct sl_invocation *call, const struct sl_field *argv, uint32_t argc)
{
    (void)user;
    if (argc != 1 || argv[0].tag != SL_STR)
        return sl_reject(call, "a line is wanted");
    struct sl_field *word = sl_invocation_alloc(call, (argv[0].len / 2 + 1) * sizeof *word);
    if (!word)
        return sl_reject(call, "out of memory");
    size_t count = 0;
    const uint8_t *at = argv[0].str, *end = at + argv[0].len;
    while (at < end) {
        const uint8_t *space = memchr(at, ' ', (size_t)(end - at));
        const uint8_t *stop = space ? space : end;
        if (stop > at)
            word[count++] = sl_string(at, (size_t)(stop - at));
        at = stop + 1;
    }
    struct sl_field words = sl_list(word, count);
    return sl_return(call, &words, 1);
}

/* map: a pair of the word and 1. */
static int pair_with_one(void *user, struct sl_invocation *call, const struct sl_field *argv, uint32_t argc)
{
    (void)user, (void)argc;
    const struct sl_field pair[] = {argv[0], sl_integer(1)};
    return sl_return(call, pair, 2);
}

/* reduceByKey */
static int add(void *user, struct sl_invocation *call, const struct sl_field *argv, uint32_t argc)
{
    (void)user, (void)argc;
    struct sl_field sum = sl_integer(argv[0].integer + argv[1].integer);
    return sl_return(call, &sum, 1);
}

static void declare(struct sl_context *ssc)
{
    struct sl_stream *lines = sl_source(ssc, "textFileStream", SL_STR_ARG("in"));
    struct sl_stream *words = sl_apply(lines, "flatMap", example_function(ssc, words_of));
    struct sl_stream *pairs = sl_apply(words, "map", example_function(ssc, pair_with_one));
    struct sl_stream *counts = sl_apply(pairs, "reduceByKey", example_function(ssc, add));

    sl_output(counts, "pprint");
    sl_output(counts, "saveAsTextFiles", SL_STR_ARG("out/counts"), SL_STR_ARG("txt"));
}

int main(int argc, char **argv)
{
    return example_run(argc, argv, "network_wordcount", declare);
}
