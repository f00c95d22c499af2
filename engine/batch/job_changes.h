/* A changed job keeps its state, also where the functions that made it are others now: that is allowed, and
 * logged. State of another kind, which an operator can find by its name only, is refused.
 *
 * What the operators are like is committed with the first batch of the changed job, as is what was dropped: a start that
 * commits none leaves nothing behind. */
#pragma once

#include "core/base/error.h"

struct sl_run;

/* When the store is open, before state is loaded: fills run->codes. SL_EUSAGE where the checkpoint holds state of another
 * kind; with --accept-changes that is dropped. */
int sl_job_changes_find(struct sl_run *run, struct sl_error *err);
/* At a start, when the state is loaded: logs each operator with state of which a function, its own or one
 * before it, has another text than when the checkpoint was last used. */
int sl_job_changes_say(const struct sl_run *run, struct sl_error *err);
void sl_job_changes_done(struct sl_run *run);
