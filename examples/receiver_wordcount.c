/* receiver_wordcount.lua in C, with a receiver of functions: it reads messages.txt, a message a line; the position is the
 * offset in the file after a message. */
#include "examples/program.h"

#include <stdlib.h>
#include <string.h>

/* ---- the receiver ---- */

struct spout {
    FILE *messages;
    char *line;
    size_t capacity;
};

static int spout_open(void *user, const void *position, size_t len)
{
    struct spout *spout = user;
    char offset[32] = "";
    if (len < sizeof offset)
        memcpy(offset, position ? position : "", len);
    spout->messages = fopen("messages.txt", "r");
    if (!spout->messages)
        return -1; /* it is tried again */
    return fseek(spout->messages, strtol(offset, NULL, 10), SEEK_SET);
}

/* One message at a time: acknowledged one by one. */
static int spout_next(void *user, struct sl_receiving *receiving)
{
    struct spout *spout = user;
    char offset[32];
    ssize_t len = getline(&spout->line, &spout->capacity, spout->messages);
    if (len <= 0 || spout->line[len - 1] != '\n')
        return 0; /* no more until the next run */
    struct sl_field message = sl_string(spout->line, (size_t)len - 1);
    int at = snprintf(offset, sizeof offset, "%ld", ftell(spout->messages));
    int r = sl_receive_record(receiving, &message, 1);
    r = r < 0 ? r : sl_receive_position(receiving, offset, (size_t)at);
    return r < 0 ? r : 1;
}

static void spout_durable(void *user, const void *position, size_t len)
{
    (void)user;
    FILE *acknowledged = fopen("acknowledged.txt", "a");
    if (!acknowledged)
        return;
    fprintf(acknowledged, "%.*s\n", (int)len, (const char *)position);
    fclose(acknowledged);
}

static void spout_close(void *user)
{
    struct spout *spout = user;
    fclose(spout->messages);
    spout->messages = NULL;
}

/* ---- the job ---- */

static struct spout spout;

/* updateStateByKey: values, state */
static int add(void *user, struct sl_invocation *call, const struct sl_field *argv, uint32_t argc)
{
    (void)user, (void)argc;
    int64_t before = argv[1].tag == SL_INT ? argv[1].integer : 0;
    struct sl_field count = sl_integer(before + argv[0].len);
    return sl_return(call, &count, 1);
}

static void declare(struct sl_context *ssc)
{
    static const struct sl_receiver receiver = {spout_open, spout_next, spout_durable, spout_close};
    struct sl_stream *messages =
        sl_source(ssc, "receiverStream", SL_FN_ARG(sl_receiver_new(ssc, &receiver, &spout)));
    struct sl_stream *words = sl_apply(messages, "flatMap", example_builtin(ssc, "words"));
    struct sl_stream *pairs = sl_apply(words, "map", SL_FN_ARG(sl_call(ssc, "pair", SL_INT_ARG(1))));
    struct sl_stream *counts = sl_apply(pairs, "updateStateByKey", example_function(ssc, add));

    sl_output(counts, "saveAsTextFiles", SL_STR_ARG("out/counts"), SL_STR_ARG("txt"));
}

int main(int argc, char **argv)
{
    int status = example_run(argc, argv, "receiver_wordcount", declare);
    free(spout.line);
    return status;
}
