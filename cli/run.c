#include "cli/run_line.h"

#include "cli/bus_error.h"
#include "cli/commands.h"
#include "cli/log.h"
#include "cli/report.h"
#include "cli/signals.h"
#include "engine/batch/hooks.h"

#include <string.h>

const struct sl_flag sl_run_flags[] = {
    {"e", SL_FLAG_TEXT, "CODE", NULL,
     "a one-line job in place of JOB.lua, sources and built-ins in scope, no checkpoint"},
    {"once", SL_FLAG_SWITCH, NULL, NULL, "process everything pending as one batch, then exit (for cron)"},
    {"available-now", SL_FLAG_SWITCH, NULL, NULL,
     "process everything pending in as many bounded batches as it takes, then exit"},
    {"batches", SL_FLAG_COUNT, "N", NULL, "stop after N committed batches"},
    {"finish", SL_FLAG_SWITCH, NULL, NULL,
     "with one of these: a last batch closes all windows of event time and emits them; later records are late"},
    {"clock", SL_FLAG_CHOICE, "virtual|real", NULL,
     "virtual: no waiting, batch k is at START + k * interval"},
    {"start-time", SL_FLAG_NUMBER, "MS", NULL, "START of the virtual clock, a multiple of the interval; 0"},
    SL_JOB_FLAGS,
    {"strict", SL_FLAG_SWITCH, NULL, NULL, "exit 5 when any record was set aside or any file quarantined"},
    {"require-mount", SL_FLAG_SWITCH, NULL, NULL, "fail where FUSE is not available"},
    {"accept-changes", SL_FLAG_SWITCH, NULL, NULL, "drop state that the changed job cannot use"},
    {"log-format", SL_FLAG_CHOICE, "text|json", NULL, "format of the log on stderr"},
    {0},
};

static bool is_given(const struct sl_line *line, const char *name, const char *choice)
{
    const char *value = sl_line_text(line, name);
    return value && strcmp(value, choice) == 0;
}

static int read_options(const struct sl_line *line, struct sl_run_options *ret, struct sl_error *err)
{
    *ret = (struct sl_run_options){
        .size = sizeof *ret,
        .once = sl_line_has(line, "once"),
        .available_now = sl_line_has(line, "available-now"),
        .batches = sl_line_integer(line, "batches", 0),
        .virtual_clock = is_given(line, "clock", "virtual"),
        .start_ms = sl_line_integer(line, "start-time", 0),
        .finish = sl_line_has(line, "finish"),
        .strict = sl_line_has(line, "strict"),
        .require_mount = sl_line_has(line, "require-mount"),
        .accept_changes = sl_line_has(line, "accept-changes"),
        .exit_when_abandoned = true,
    };
    int r = sl_line_exclude(line, "once", "available-now", err);
    r = r < 0 ? r : sl_line_exclude(line, "once", "batches", err);
    if (r < 0)
        return r;
    if (ret->finish && !ret->once && !ret->available_now && !ret->batches)
        return sl_error_set(err, SL_EUSAGE, "--finish is for --once, --available-now and --batches");
    if (sl_line_has(line, "start-time") && !ret->virtual_clock)
        return sl_error_set(err, SL_EUSAGE, "--start-time is for --clock virtual");
    return 0;
}

/* A run that ended as it was asked to has no error. */
static int run_loaded(struct sl_job *job, const struct sl_run_options *options,
                      const struct sl_run_hooks *hooks, bool json)
{
    struct sl_context *context = sl_job_context(job);
    struct sl_stderr_log log;
    sl_stderr_log_init(&log, json, false);
    sl_context_on_log(context, sl_stderr_log_write, &log);
    int r = sl_run_hooked(context, options, hooks);
    if (r < 0 && sl_context_error(context)[0])
        sl_report_as(json, sl_context_error(context));
    sl_context_on_log(context, NULL, NULL);
    return sl_exit_status(r);
}

static int run_with_signals(const struct sl_line *line, struct sl_run_options *options,
                            const struct sl_run_hooks *hooks, bool json)
{
    struct sl_error err;
    struct sl_signals signals;
    if (sl_signals_open(&signals, &err) < 0)
        return sl_report_error_as(json, &err);
    options->stop = signals.count;
    options->stop_fd = signals.fd;
    bool is_long = !options->once && !options->available_now && !options->virtual_clock;
    sl_bus_error_of_run(is_long, signals.count, json);
    struct sl_job_line job_line;
    int status;
    if (sl_job_line_open(line, &job_line, &err) < 0) {
        status = sl_report_error_as(json, &err);
    } else {
        status = run_loaded(job_line.job, options, hooks, json);
        sl_job_line_close(&job_line);
    }
    sl_signals_close(&signals);
    return status;
}

int sl_run_line(const struct sl_line *line, const struct sl_run_hooks *hooks)
{
    struct sl_error err;
    struct sl_run_options options;
    bool json = is_given(line, "log-format", "json");
    if (read_options(line, &options, &err) < 0)
        return sl_report_error_as(json, &err);
    return run_with_signals(line, &options, hooks, json);
}

static int run_run(const struct sl_line *line)
{
    return sl_run_line(line, NULL);
}

const struct sl_command sl_command_run = {
    .name = "run",
    .arguments = "JOB.lua [options] [-- ARGS]",
    .summary = "runs a job until SIGTERM, SIGINT or SIGHUP",
    .details =
        "The run finishes its batch, commits, unmounts and exits 0 when it gets SIGTERM, SIGINT or SIGHUP; a\n"
        "second one abandons the batch within a second, and the next run redoes it. ARGS are the job's `arg` table. Paths in\n"
        "options are relative to the working directory, paths in a job to the job.\n"
        "\n"
        "Exit status: 0 done; 1 the run failed, trying again may help; 2 bad usage or a job that does not load;\n"
        "3 another process holds the checkpoint; 4 durable state is damaged or needs a person; 5 see --strict.",
    .flags = sl_run_flags,
    .run = run_run,
};
