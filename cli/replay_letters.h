/* Dead letters once more: the lines that were set aside come in as a file of their own,
 * <directory>/replay-<t>-<name>. */
#pragma once

#include "cli/target.h"

/* *ret_lines: how many come in again. What is left, and why, goes to stdout. */
int sl_replay_letters(struct sl_target *target, struct sl_reading *reading, const char *const *source,
                      uint64_t *ret_lines, struct sl_error *err);
