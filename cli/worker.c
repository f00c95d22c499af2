/* sluice worker: runs tasks for `sluice driver`. For programs, such as the Python package in spark/. */
#include "engine/remote/worker.h"
#include "cli/commands.h"
#include "cli/job_line.h"
#include "cli/report.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static const struct sl_flag worker_flags[] = {
    {"graph-hash", SL_FLAG_TEXT, "HASH", NULL, "the job as the driver has loaded it: another one is refused"},
    {"loaded", SL_FLAG_NUMBER, "SECONDS", NULL, "the time that the job saw when the driver loaded it"},
    {"stage", SL_FLAG_NUMBER, "N", NULL, "tasks of this stage only, as sluice graph --json numbers them"},
    SL_JOB_FLAGS,
    {0},
};

/* What the job prints while it loads must not get between messages. */
static int take_stdout(struct sl_error *err)
{
    int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (fd < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return sl_error_sys(err, errno, "opening standard output");
    return fd;
}

static int serve(const struct sl_line *line, struct sl_error *err)
{
    struct sl_job_line job_line;
    struct sl_peer peer = {.in = STDIN_FILENO, .out = take_stdout(err)};
    if (peer.out < 0)
        return peer.out;
    (void)signal(SIGPIPE, SIG_IGN); /* the driver's end may close at any time */
    int r = sl_job_line_open_for_tasks(line, sl_line_integer(line, "loaded", 0), &job_line, err);
    if (r < 0)
        return r;
    r = sl_worker_serve(sl_job_context(job_line.job), &peer, sl_line_text(line, "graph-hash"),
                        sl_line_has(line, "stage") ? sl_line_integer(line, "stage", 0) : -1, err);
    sl_job_line_close(&job_line);
    return r;
}

static int run_worker(const struct sl_line *line)
{
    struct sl_error err = {0};
    return serve(line, &err) < 0 ? sl_report_error(&err) : SL_STATUS_DONE;
}

const struct sl_command sl_command_worker = {
    .name = "worker",
    .arguments = "JOB.lua --graph-hash HASH [--loaded SECONDS] [--stage N]",
    .summary = "runs tasks of a batch for sluice driver; messages on standard input and output",
    .flags = worker_flags,
    .hidden = true,
    .run = run_worker,
};
