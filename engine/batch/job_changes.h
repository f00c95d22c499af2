/* A changed job keeps its state, also where the functions that made it are others now: that is allowed, and
 * said. */
#pragma once

#include "core/base/error.h"

struct sl_run;

/* At a start, when the state is loaded: logs each operator with state of which a function, its own or one
 * before it, has another text than when the checkpoint was last used, and remembers how they are, for
 * engine/batch/state_keys, too. */
int sl_job_changes_say(struct sl_run *run, struct sl_error *err);
