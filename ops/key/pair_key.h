/* What operators on pairs refuse: records without a value, keys that are maps. */
#pragma once

#include "core/contract/operator.h"

/* Whether the field is a map or a list that holds one somewhere: it cannot be a key. */
bool sl_key_holds_map(const struct sl_field *key);

/* SL_EREJECT, with the message set, where the key is a map or a list that holds one somewhere. */
int sl_key_check(const struct sl_node *node, struct sl_task *task, const struct sl_field *key);

/* Sets all rows of a chunk of one field aside: they are no pairs. */
int sl_pairs_reject(const struct sl_node *node, struct sl_task *task, const struct sl_chunk *in);
