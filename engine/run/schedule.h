/* Which batch comes next: the real clock, the virtual one, --once, --available-now. */
#pragma once

#include "engine/batch/run.h"

/* Runs batches until the options or a signal say stop. 0, or the failure that ended the run (SL_ESTOP:
 * abandoned). */
int sl_schedule(struct sl_run *run, struct sl_error *err);
