/* Making up for batch times that were missed, while a batch ran or while no process did
 * (docs/manual.md, "After a restart"). */
#pragma once

#include "engine/batch/run.h"

/* Runs empty batches for times after `from` and before `to`: those at which a windowed stream would have
 * shown a window that reaches back to a batch with data or has just lost its last, and one for time-outs that
 * were due; with catchUp = "all" every one, with "none" none. Does nothing before the first batch. */
int sl_catch_up(struct sl_run *run, int64_t from, int64_t to, struct sl_error *err);
