/* <checkpoint>/tick, and what a crash right behind a commit leaves undone of it: the tick itself and the
 * links to the newest directories. (What inputs are owed is sl_quarantine_settle_last's.) */
#pragma once

#include "core/base/error.h"

#include <stdint.h>

struct sl_run;

/* Rewrites the tick with the time of a batch. */
int sl_tick_write(struct sl_run *run, int64_t t, struct sl_error *err);

/* At a start. What fails is said; the next batch does it anyway. */
void sl_tick_renew(struct sl_run *run);
