/* Commands that run a job: `sluice run`, and `sluice driver`, whose tasks are run by others. */
#pragma once

#include "cli/job_line.h"

struct sl_run_hooks;

extern const struct sl_flag sl_run_flags[];

/* Runs the job of a line of these flags, with signals as `sluice run` has them; hooks may be NULL. The exit status. */
int sl_run_line(const struct sl_line *line, const struct sl_run_hooks *hooks);
