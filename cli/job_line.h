/* Commands that take a job: its operand or -e CODE, the options that override its StreamingContext, its
 * arguments.
 *
 * sl_job_line_open reads them and loads the job; sl_job_line_close frees it. The line must outlive both. */
#pragma once

#include "cli/flags.h"
#include "cli/log.h"
#include "lua/job.h"

/* Rows for the tables of such commands. */
#define SL_JOB_FLAGS                                                                                         \
    {"interval", SL_FLAG_DURATION, "D", "interval", "time between batches"},                                 \
        {"mount", SL_FLAG_PATH, "DIR", "mount", "where views are mounted"},                                  \
        {"checkpoint", SL_FLAG_PATH, "DIR", "checkpoint", "where durable state is kept"},                    \
        {"workers", SL_FLAG_COUNT, "N", "workers", "threads that handle rows"},                              \
    {                                                                                                        \
        "set", SL_FLAG_SETTING, "NAME=VALUE", NULL, "any option of the StreamingContext; may be repeated"    \
    }

struct sl_job_line {
    struct sl_job *job;
    struct sl_job_options options;
    struct sl_option *overrides;
    char **paths; /* made absolute for the overrides */
    size_t path_count;
    struct sl_stderr_log log; /* of commands that do not run the job: warnings */
};

int sl_job_line_open(const struct sl_line *line, struct sl_job_line *ret, struct sl_error *err);
/* The same for a job that is looked at and must touch nothing. */
int sl_job_line_open_to_check(const struct sl_line *line, struct sl_job_line *ret, struct sl_error *err);
/* The same for a process that runs tasks of a job that was loaded elsewhere, at that time in seconds; 0: now. */
int sl_job_line_open_for_tasks(const struct sl_line *line, int64_t loaded_s, struct sl_job_line *ret,
                               struct sl_error *err);
/* The same where the operands after the job (all, with -e) are the command's: *ret_files. */
int sl_job_line_open_files(const struct sl_line *line, struct sl_job_line *ret, const char *const **ret_files,
                           size_t *ret_count, struct sl_error *err);
void sl_job_line_close(struct sl_job_line *job_line);
