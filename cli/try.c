#include "cli/commands.h"
#include "cli/job_line.h"
#include "cli/report.h"

#include "engine/trial/try.h"

#include <stdlib.h>

static const struct sl_flag try_flags[] = {
    {"e", SL_FLAG_TEXT, "CODE", NULL, "a one-line job in place of JOB.lua"},
    SL_JOB_FLAGS,
    {"rows", SL_FLAG_COUNT, "N", NULL, "rows shown of each operator, 3"},
    {"batches", SL_FLAG_COUNT, "N", NULL, "batches, a file in each; 1: all files in one"},
    {"finish", SL_FLAG_SWITCH, NULL, NULL, "a last batch closes all windows of event time and emits them"},
    {0},
};

/* The flag's number, which was checked. */
static size_t count_of(const struct sl_line *line, const char *name, size_t fallback)
{
    const char *text = sl_line_text(line, name);
    return text ? (size_t)strtoull(text, NULL, 10) : fallback;
}

static int try_job(const struct sl_line *line, struct sl_error *err)
{
    struct sl_job_line job_line;
    const char *const *files;
    size_t count;
    int r = sl_job_line_open_files(line, &job_line, &files, &count, err);
    if (r < 0)
        return r;
    struct sl_context *context = sl_job_context(job_line.job);
    const struct sl_try_options options = {files, count, count_of(line, "rows", 3),
                                           count_of(line, "batches", 1), sl_line_has(line, "finish")};
    r = sl_try_files(context, &options, stdout);
    if (r < 0)
        sl_error_set(err, r, "%s", sl_context_error(context));
    sl_job_line_close(&job_line);
    return r;
}

static int run_try(const struct sl_line *line)
{
    struct sl_error err;
    return try_job(line, &err) < 0 ? sl_report_error(&err) : SL_STATUS_DONE;
}

const struct sl_command sl_command_try = {
    .name = "try",
    .arguments = "JOB.lua FILE...",
    .summary = "shows what each operator of a job makes of some files",
    .details =
        "One batch of the files, without checkpoint, outputs or mount: for every operator the records that went\n"
        "in and came out and the first three of them, then the records that were set aside, equal reasons once. A file is for\n"
        "the source whose directory it is in, or for the only one; DIRECTORY=FILE says which.",
    .flags = try_flags,
    .run = run_try,
};
