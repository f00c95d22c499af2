/* The option `initial` of stateful operators: a list of pairs, as the state to begin with. */
#pragma once

#include "core/contract/operator.h"

/* SL_EUSAGE where an item is no pair. */
int sl_initial_state_check(const struct sl_node *node, struct sl_arg initial, struct sl_error *err);

/* Rows (key, state) in the order of keys; of a key that occurs twice the last. NULL in *ret where nothing was
 * given. */
int sl_initial_state_dataset(struct sl_arg initial, struct sl_dataset **ret, struct sl_error *err);
