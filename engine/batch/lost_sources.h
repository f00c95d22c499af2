/* Sources that the checkpoint knows and the job does not have any more: what they have received and no batch has used
 * must not be forgotten in silence, and files that they have taken not be taken again by a source that replaces them. */
#pragma once

#include "engine/batch/run.h"

/* SL_EUSAGE names them; with accept_changes their received logs are removed, and files are taken again. */
int sl_lost_sources_check(struct sl_run *run, const struct sl_progress *progress, struct sl_error *err);
