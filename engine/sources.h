/* The sources of a run, in graph order: run->source. */
#pragma once

#include "engine/run.h"

int sl_sources_open(struct sl_run *run, struct sl_error *err);
/* After a failed open, too. */
void sl_sources_close(struct sl_run *run);

/* Tells them which files were taken: remembered[sources], and those of a plan that is still to be redone (may
 * be NULL). */
int sl_sources_remember(struct sl_run *run, const struct sl_files *remembered, const struct sl_plan *planned,
                        struct sl_error *err);
