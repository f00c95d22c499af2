/* Makes copies of a job: the Lua state with all that scripts may use, and the script run in it. */
#pragma once

#include "lua/copy.h"

int sl_copy_new(struct sl_job *job, unsigned number, struct sl_copy **ret, struct sl_error *err);

/* Runs the job's script. Errors: SL_EUSAGE with the place in the job, SL_ENOMEM. */
int sl_copy_run(struct sl_copy *copy, struct sl_error *err);
/* The same for one that must make a context, and a good one. */
int sl_copy_load(struct sl_copy *copy, struct sl_error *err);
