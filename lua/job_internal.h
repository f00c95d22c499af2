/* What the copies of a job see of it. */
#pragma once

#include "lua/copy.h"
#include "lua/job.h"

/* The script read and its main copy made, but not run; sl_job_free. */
int sl_job_new(const struct sl_job_options *options, struct sl_job **ret, struct sl_error *err);

struct sl_job {
    const struct sl_job_options *options;
    char *text; /* of the script */
    size_t text_len;
    char *name; /* for the default checkpoint */
    char *dir;  /* where its relative paths start */
    struct sl_copy *main;
    struct sl_copy **worker;
    unsigned workers;
    struct sl_watchdog *watchdog; /* while it runs */
};

int64_t sl_job_timeout_ms(const struct sl_job *job);
