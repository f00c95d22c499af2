#include "cli/commands.h"
#include "cli/job_line.h"
#include "cli/report.h"
#include "engine/graph/stages.h"

static const struct sl_flag check_flags[] = {
    {"e", SL_FLAG_TEXT, "CODE", NULL, "a one-line job in place of JOB.lua"},
    {"spark", SL_FLAG_SWITCH, NULL, NULL,
     "prints which operators run in Spark's tasks, and why the others do not"},
    SL_JOB_FLAGS,
    {0},
};

static int check_job(struct sl_job *job, bool spark, struct sl_error *err)
{
    struct sl_context *context = sl_job_context(job);
    int r = sl_job_add_workers(job, 1, err);
    if (r < 0)
        return r;
    r = sl_check(context, stdout);
    if (r == 0 && spark)
        r = sl_stages_print(context, stdout);
    return r < 0 ? sl_error_set(err, r, "%s", sl_context_error(context)) : 0;
}

static int run_check(const struct sl_line *line)
{
    struct sl_error err;
    struct sl_job_line job_line;
    if (sl_job_line_open_to_check(line, &job_line, &err) < 0)
        return sl_report_error(&err);
    int r = check_job(job_line.job, sl_line_has(line, "spark"), &err);
    sl_job_line_close(&job_line);
    return r < 0 ? sl_report_error(&err) : SL_STATUS_DONE;
}

const struct sl_command sl_command_check = {
    .name = "check",
    .arguments = "JOB.lua [options] [-- ARGS]",
    .summary = "loads a job, reports its mistakes, prints its graph",
    .flags = check_flags,
    .run = run_check,
};
