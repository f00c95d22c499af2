#include "examples/program.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

static volatile int stop, stop_fd;

static void handle(int number)
{
    (void)number;
    stop++;
    eventfd_write(stop_fd, 1);
}

struct sl_arg example_builtin(struct sl_context *ssc, const char *name)
{
    return SL_FN_ARG(sl_call(ssc, name));
}

struct sl_arg example_function(struct sl_context *ssc, sl_user_function *function)
{
    return SL_FN_ARG(sl_function_new(ssc, function, NULL));
}

/* False: an argument that is not known. */
static bool read_line(int argc, char **argv, const char **dir, struct sl_run_options *options)
{
    *dir = ".";
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--once") == 0) {
            options->once = true;
        } else if (strcmp(argv[i], "--virtual") == 0 && i + 1 < argc) {
            options->virtual_clock = true;
            options->batches = atoll(argv[++i]);
        } else if (argv[i][0] != '-') {
            *dir = argv[i];
        } else {
            return false;
        }
    }
    return true;
}

/* Warnings only: lines of several threads are written whole by stdio. */
static void show_warning(void *arg, enum sl_log_level level, const char *text)
{
    if (level >= SL_LOG_WARNING)
        fprintf(stderr, "%s: %s\n", (const char *)arg, text);
}

static int run(struct sl_context *ssc, const char *name, const struct sl_run_options *options)
{
    sl_context_on_log(ssc, show_warning, (void *)name);
    int r = sl_run(ssc, options);
    if (sl_exit_status(r) != 0)
        fprintf(stderr, "%s: %s\n", name, sl_context_error(ssc));
    return sl_exit_status(r);
}

int example_run(int argc, char **argv, const char *name, void (*declare)(struct sl_context *ssc))
{
    const char *dir;
    stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct sl_run_options options = sl_run_defaults();
    options.stop = &stop;
    options.stop_fd = stop_fd;
    options.exit_when_abandoned = true;
    if (!read_line(argc, argv, &dir, &options)) {
        fprintf(stderr, "usage: %s [DIR] [--once] [--virtual N]\n", name);
        return 2;
    }
    struct sl_context *ssc = sl_context_new(name, dir);
    if (!ssc) {
        fprintf(stderr, "%s: out of memory\n", name);
        return 1;
    }
    signal(SIGTERM, handle);
    signal(SIGINT, handle);
    sl_context_set(ssc, "interval", SL_STR_ARG("1s"));
    if (options.virtual_clock)
        sl_context_set(ssc, "maxFilesPerBatch", SL_INT_ARG(1));
    declare(ssc);
    int status = run(ssc, name, &options);
    sl_context_free(ssc);
    return status;
}
