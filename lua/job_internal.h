/* What the copies of a job see of it. */
#pragma once

#include "core/base/buf.h"
#include "lua/copy.h"
#include "lua/job.h"

#include <time.h>

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
    time_t loaded_s;        /* the time for the script while it is loaded, once for each copy; 0: as it is */
    struct sl_buf captured; /* of the main copy, as it was loaded: lua/captured.h */
    struct sl_watchdog *watchdog; /* while it runs */
};
