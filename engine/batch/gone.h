/* Files that were taken and are not where they were any more: put away by the job, or removed by others. The catalog forgets
 * them with the next commit, or where the run ends before one: what has their names at the next start is a new
 * arrival, also where it is the same file. Of a run that was killed, the next start cannot tell. */
#pragma once

#include "engine/batch/run.h"

/* Adds what sources tell, each once, to run->gone. */
int sl_gone_collect(struct sl_run *run, struct sl_error *err);
/* The catalog has forgotten them. */
void sl_gone_forgotten(struct sl_run *run);
/* The run ends: of a job that puts files away. A failure is logged. */
void sl_gone_end(struct sl_run *run);
