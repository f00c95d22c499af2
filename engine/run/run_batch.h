/* One batch from what it takes to its end, reported to status, log and service manager. 0, or the failure that ends the
 * run (SL_ESTOP: abandoned). */
#pragma once

#include "engine/batch/run.h"

/* Takes what waits and runs batch t; *ret_ran is false where there was nothing to do. */
int sl_run_batch(struct sl_run *run, int64_t t, const struct sl_limits *limits, bool *ret_ran,
                 struct sl_error *err);

/* Runs batch t without input; finish: it ends event time. */
int sl_run_batch_empty(struct sl_run *run, int64_t t, struct sl_error *err);
int sl_run_batch_finish(struct sl_run *run, int64_t t, struct sl_error *err);

/* Redoes the batch that an earlier process planned; takes over the plan. */
int sl_run_batch_again(struct sl_run *run, struct sl_batch_plan *plan, struct sl_error *err);
