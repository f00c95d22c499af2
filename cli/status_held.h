/* What the operators of a run keep from batch to batch, as the newest status says it: keys of states, batches of windows, bytes. */
#pragma once

#include "cli/target.h"

/* A line on stdout for each operator that keeps something. */
void sl_status_print_held(const struct sl_target *target);
