/* What lives from the start of a run to its end, opened in one order and closed in the other. */
#pragma once

#include "engine/batch/run.h"

/* Everything that does not depend on the checkpoint (engine/run/start.c). */
int sl_run_open(struct sl_run *run, struct sl_error *err);
/* After a failed open, too. */
void sl_run_close(struct sl_run *run);
