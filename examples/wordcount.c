/* examples/wordcount.lua in C: counts the words of files that are moved into DIR/in. Results are in
 * DIR/out/counts-TIMESTAMP.txt and, live, in DIR/mnt/counts/current.
 *
 *     cc wordcount.c -lsluice -o wordcount
 *     ./wordcount [DIR] [--once]     without DIR: the working directory; --once: what is there, then the end */
#include <signal.h>
#include <sluice.h>
#include <string.h>
#include <sys/eventfd.h>

static volatile int stop, stop_fd;

static void handle(int number)
{
    (void)number;
    stop++;
    eventfd_write(stop_fd, 1);
}

static struct sl_context *declare(const char *dir)
{
    struct sl_context *ssc = sl_context_new("wordcount", dir);
    if (!ssc)
        return NULL;
    sl_context_set(ssc, "interval", SL_STR_ARG("1s"));

    struct sl_stream *lines = sl_source(ssc, "textFileStream", SL_STR_ARG("in"));
    struct sl_stream *words = sl_apply(lines, "flatMap", SL_FN_ARG(sl_call(ssc, "split", SL_STR_ARG(" "))));
    struct sl_stream *pairs = sl_apply(words, "map", SL_FN_ARG(sl_call(ssc, "pair", SL_INT_ARG(1))));
    struct sl_stream *counts = sl_apply(pairs, "reduceByKey", SL_FN_ARG(sl_call(ssc, "sum")));

    sl_output(counts, "saveAsTextFiles", SL_STR_ARG("out/counts"), SL_STR_ARG("txt"));
    sl_output(counts, "mount", SL_STR_ARG("counts"));
    return ssc;
}

int main(int argc, char **argv)
{
    stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct sl_run_options options = sl_run_defaults();
    options.stop = &stop;
    options.stop_fd = stop_fd;
    const char *dir = ".";
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--once") == 0)
            options.once = true;
        else
            dir = argv[i];
    }
    signal(SIGTERM, handle);
    signal(SIGINT, handle);

    struct sl_context *ssc = declare(dir);
    if (!ssc) {
        fprintf(stderr, "wordcount: out of memory\n");
        return 1;
    }
    int r = sl_run(ssc, &options);
    if (sl_exit_status(r) != 0)
        fprintf(stderr, "wordcount: %s\n", sl_context_error(ssc));
    sl_context_free(ssc);
    return sl_exit_status(r);
}
