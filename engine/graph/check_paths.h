/* What a job's paths lead to before it runs: watched directories and tables that are not there, prefixes that cannot be
 * written.
 * For `sluice check`; nothing is made. */
#pragma once

#include "engine/graph/graph.h"

/* SL_EUSAGE at the first. */
int sl_check_paths(struct sl_context *context, struct sl_error *err);
