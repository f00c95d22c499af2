/* The metrics of a checkpoint's newest run, for `sluice status --metrics`. */
#pragma once

#include "cli/target.h"

/* Prints what the run wrote last, with what is known from outside: whether it runs, and its lag. SL_EUSAGE: no run has
 * written metrics yet. */
int sl_status_print_metrics(struct sl_target *target, bool is_running, int64_t lag_ms, struct sl_error *err);
