/* What operators on pairs refuse: records without a value, keys that are maps. */
#pragma once

#include "core/operator.h"

/* Whether the key is a map or a list that holds one somewhere. */
bool sl_key_holds_map(const struct sl_field *key);

/* Sets row `row` aside because of its key. 0, or a failure that ends the batch. */
int sl_key_reject(const struct sl_node *node, struct sl_task *task, const struct sl_chunk *in, uint32_t row);

/* Sets all rows of a chunk of one field aside: they are no pairs. */
int sl_pairs_reject(const struct sl_node *node, struct sl_task *task, const struct sl_chunk *in);
