/* sluice driver: `sluice run` whose tasks are run by the program that started it. For programs, such as the Python package
 * in spark/. */
#include "engine/remote/driver.h"
#include "cli/commands.h"
#include "cli/hangup.h"
#include "cli/report.h"
#include "cli/run_line.h"
#include "core/base/io.h"
#include "core/base/trust.h"
#include "engine/batch/hooks.h"
#include "engine/graph/graph.h"
#include "engine/graph/stages.h"
#include "text/json.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PARTITIONS = 4, PARTITIONS_MAX = 10000, CORES_MAX = 1000000 };

static const struct sl_flag driver_flags[] = {
    {"workdir", SL_FLAG_PATH, "DIR", NULL,
     "where tasks leave results that are large: a directory that all machines see"},
    {"cores", SL_FLAG_COUNT, "N", NULL, "that tasks run on; as many as a reduce stage has tasks"},
    {"reduce-partitions", SL_FLAG_COUNT, "N", NULL, "tasks of a reduce stage; 4"},
    {"state", SL_FLAG_CHOICE, "auto|driver|tasks", NULL,
     "where functions of keyed state and short windows are called: driver, tasks, or auto: in tasks once they take long"},
    {"in", SL_FLAG_NUMBER, "FD", NULL, "where messages come in; 0"},
    {"out", SL_FLAG_NUMBER, "FD", NULL,
     "where messages go out; 1, and what the job prints goes to standard error"},
    {"operators", SL_FLAG_SWITCH, NULL, NULL,
     "prints which operators stay on the driver, and why, as JSON; then the end"},
    {0},
};

static int check_fd(int64_t fd, struct sl_error *err)
{
    if (fd > INT_MAX || fcntl((int)fd, F_GETFD) < 0)
        return sl_error_set(err, SL_EUSAGE, "file descriptor %lld is not open", (long long)fd);
    (void)fcntl((int)fd, F_SETFD, FD_CLOEXEC); /* of commands that the job starts */
    return (int)fd;
}

static int open_peer(const struct sl_line *line, struct sl_peer *ret, struct sl_error *err)
{
    ret->in = check_fd(sl_line_integer(line, "in", STDIN_FILENO), err);
    if (ret->in < 0)
        return ret->in;
    if (sl_line_integer(line, "out", STDOUT_FILENO) != STDOUT_FILENO) {
        ret->out = check_fd(sl_line_integer(line, "out", 0), err);
        return ret->out < 0 ? ret->out : 0;
    }
    ret->out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (ret->out < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return sl_error_sys(err, errno, "opening standard output");
    return 0;
}

static enum sl_state_place state_place(const struct sl_line *line)
{
    const char *place = sl_line_text(line, "state");
    if (!place || strcmp(place, "auto") == 0)
        return SL_STATE_AUTO;
    return strcmp(place, "tasks") == 0 ? SL_STATE_TASKS : SL_STATE_DRIVER;
}

static int prepare(const struct sl_line *line, char *exchange, size_t size, struct sl_peer *peer,
                   struct sl_executor **ret, struct sl_error *err)
{
    const char *workdir = sl_line_text(line, "workdir");
    int64_t partitions = sl_line_integer(line, "reduce-partitions", PARTITIONS);
    if (partitions > PARTITIONS_MAX)
        return sl_error_set(err, SL_EUSAGE, "--reduce-partitions is at most %d", PARTITIONS_MAX);
    int64_t cores = sl_line_integer(line, "cores", partitions);
    if (cores > CORES_MAX)
        return sl_error_set(err, SL_EUSAGE, "--cores is at most %d", CORES_MAX);
    int r = open_peer(line, peer, err);
    if (r < 0)
        return r;
    char whole[PATH_MAX] = "";
    r = workdir ? sl_trust_links(&sl_io_system, AT_FDCWD, workdir, err) : 0;
    if (r < 0)
        return r;
    if (workdir && !realpath(workdir, whole))
        return sl_error_sys(err, errno, "opening %s", workdir);
    if (workdir && snprintf(exchange, size, "%s/exchange", whole) >= (int)size)
        return sl_error_set(err, SL_EUSAGE, "%s is too long a path", workdir);
    *ret = sl_remote_driver_new(peer, cores, partitions, workdir ? exchange : NULL, state_place(line));
    return *ret ? 0 : sl_error_nomem(err);
}

/* ---- the line of the run: the operand and what follows "--" ---- */

static int run_parsed(const char *const *argv, size_t argc, struct sl_executor *driver)
{
    struct sl_error err = {0};
    struct sl_line *line;
    if (sl_line_parse(sl_run_flags, argv, argc, &line, &err) < 0)
        return sl_report_error(&err);
    const struct sl_run_hooks hooks = {.executor = driver};
    int status = sl_run_line(line, &hooks);
    sl_line_free(line);
    return status;
}

static int run_rest(const struct sl_line *line, struct sl_executor *driver)
{
    size_t operands = line->operand_count, count = operands + line->rest_count;
    const char **argv = calloc(count + 1, sizeof *argv);
    struct sl_error err = {0};
    if (!argv) {
        sl_error_nomem(&err);
        return sl_report_error(&err);
    }
    for (size_t i = 0; i < count; i++)
        argv[i] = i < operands ? line->operands[i] : line->rest[i - operands];
    int status = run_parsed(argv, count, driver);
    free(argv);
    return status;
}

/* For docs/spark.md. */
static int print_operators(void)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    struct sl_error err = {0};
    const struct sl_op *op;
    bool ok = sl_buf_byte(&text, '{');
    for (size_t i = 0; ok && (op = sl_op_at(i)); i++) {
        const char *why = sl_stages_of_operator(op);
        ok = sl_buf_text(&text, i ? ",\n" : "\n") &&
             sl_json_string(&text, op->name, strlen(op->name), NULL) && sl_buf_byte(&text, ':') &&
             sl_json_string(&text, why ? why : "", why ? strlen(why) : 0, NULL);
    }
    if (!ok || !sl_buf_text(&text, "\n}\n"))
        sl_error_nomem(&err);
    else if (fwrite(text.bytes, 1, text.len, stdout) < text.len)
        sl_error_sys(&err, errno, "writing");
    return err.code < 0 ? sl_report_error(&err) : SL_STATUS_DONE;
}

static int run_driver(const struct sl_line *line)
{
    struct sl_error err = {0};
    struct sl_executor *driver;
    struct sl_peer peer = {0};
    struct sl_hangup hangup;
    char exchange[PATH_MAX];
    if (sl_line_has(line, "operators"))
        return print_operators();
    if (prepare(line, exchange, sizeof exchange, &peer, &driver, &err) < 0)
        return sl_report_error(&err);
    int r = sl_hangup_watch(&hangup, peer.in, &err);
    int status = r < 0 ? sl_report_error(&err) : run_rest(line, driver);
    if (r == 0)
        sl_hangup_done(&hangup);
    sl_remote_driver_free(driver);
    return status;
}

const struct sl_command sl_command_driver = {
    .name = "driver",
    .arguments = "[options] JOB.lua [-- options of run [-- ARGS]]",
    .summary = "runs a job whose tasks are run by the program that started it",
    .flags = driver_flags,
    .hidden = true,
    .run = run_driver,
};
