/* What the copies of a job see of it. */
#pragma once

#include "lua/copy.h"
#include "lua/job.h"

struct sl_job {
    const struct sl_job_options *options;
    char *text; /* of the script */
    size_t text_len;
    char *name; /* for the default checkpoint */
    char *dir;  /* where its relative paths start */
    struct sl_copy *main;
    struct sl_copy **worker;
    unsigned workers;
};
