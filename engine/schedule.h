/* Which batch comes next: the real clock, the virtual one, --once, --available-now. */
#pragma once

#include "engine/run.h"

/* Runs batches until the options or a signal say stop. 0, or the failure that ended the run (SL_ESTOP:
 * abandoned). */
int sl_schedule(struct sl_run *run, struct sl_error *err);

/* Runs batch t without input. */
int sl_schedule_empty(struct sl_run *run, int64_t t, struct sl_error *err);

/* Redoes the batch that an earlier process planned; takes over the plan. */
int sl_schedule_replay(struct sl_run *run, struct sl_plan *plan, struct sl_error *err);
