/* What windows, state and outputs keep in memory from batch to batch: run->memory, one per node that wants
 * it. */
#pragma once

#include "core/base/error.h"

struct sl_run;

/* As new: what a checkpoint has for them comes from sl_checkpoint_state_open (engine/batch/checkpoint_state.h). */
int sl_operator_memory_open(struct sl_run *run, struct sl_error *err);
/* After a failed open, too. */
void sl_operator_memory_close(struct sl_run *run);
