/* What the outputs that write directories of results have in common: their descriptors differ in the options. */
#pragma once

#include "core/contract/operator.h"

extern const struct sl_wide sl_save_wide;
extern const struct sl_output sl_save_steps;
int sl_save_check(struct sl_node *node, struct sl_error *err);
