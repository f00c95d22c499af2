/* A job script as a running thing: loaded once on the main copy and once per worker.
 *
 *     sl_job_load(&options, &job, &err)     the main copy; relative paths of the job start at its folder
 *     sl_run(sl_job_context(job), ...)      loads the workers' copies through sl_context_on_workers
 *     sl_job_free(job)                      with its context
 *
 * The context belongs to the job. Workers whose graphs differ from the main one are refused (SL_EUSAGE,
 * naming the first line that differs). */
#pragma once

#include "core/base/error.h"
#include "sluice.h"

struct sl_job;

struct sl_job_options {
    const char *path;        /* of the script; with `code` only a name for messages */
    const char *code;        /* not NULL: a one-line job in place of a file */
    const char *const *argv; /* the job's `arg` table from 1 */
    size_t argc;
    const struct sl_option *overrides; /* of StreamingContext options, stronger than the job's own */
    size_t override_count;
    sl_log_function *on_log; /* sl_context_on_log; NULL: silent */
    void *log_arg;
    int64_t loaded_s; /* the time that the script sees while it is loaded, in seconds; 0: the time now */
    bool is_checking; /* nothing may be touched: files and programs are refused */
    bool may_exit;    /* os.exit ends the process while the script is loaded */
};

/* Borrows the options until sl_job_free. */
int sl_job_load(const struct sl_job_options *options, struct sl_job **ret, struct sl_error *err);
void sl_job_free(struct sl_job *job);

struct sl_context *sl_job_context(struct sl_job *job);

/* Loads copies for workers 0 .. workers-1 and compares their graphs with the main one. What sl_run calls. */
int sl_job_add_workers(struct sl_job *job, unsigned workers, struct sl_error *err);

/* "Lua 5.4.4": what jobs are run by. */
const char *sl_lua_release(void);
