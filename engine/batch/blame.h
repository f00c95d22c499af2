/* Who failed: a batch that fails names the operator and its line in the job. */
#pragma once

#include "core/contract/operator.h"

/* Puts "<file>:<line>: <operator>: " before the text of a failure that does not begin with a place in that
 * file already. Returns r, which may be no failure. */
int sl_blame(const struct sl_node *node, int r, struct sl_error *err);
