/* memoryLimit: how much each operator may hold in memory before it writes to disk. */
#pragma once

#include "engine/batch/run.h"

/* Makes run->services.spill where the job has a limit: after the checkpoint and the workers. */
int sl_memory_limit_open(struct sl_run *run, struct sl_error *err);
void sl_memory_limit_close(struct sl_run *run);

/* r, or what could not be read back since the last call: the reader may have had no way to return it. */
int sl_memory_limit_check(struct sl_run *run, int r, struct sl_error *err);
