/* <checkpoint>/tick, the time of the newest batch, rewritten after its commit; and what a crash immediately
 * after a commit leaves undone: the tick itself and the links to the newest directories. (What is left to do
 * to inputs: sl_quarantine_settle_last.) */
#pragma once

#include "core/base/error.h"

#include <stdint.h>

struct sl_run;

/* Rewrites the tick with the time of a batch. */
int sl_tick_write(struct sl_run *run, int64_t t, struct sl_error *err);

/* At a start. What fails is logged; the next batch does it anyway. */
void sl_tick_renew(struct sl_run *run);
