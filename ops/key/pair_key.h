/* What operators on pairs refuse: records without a value, keys that are maps. */
#pragma once

#include "core/contract/operator.h"

/* SL_EREJECT, with the message set, where the key is a map or a list that holds one somewhere. */
int sl_key_check(const struct sl_node *node, struct sl_task *task, const struct sl_field *key);

/* Says that the only field of a record is no pair, and what to write where it is a list. SL_EREJECT. */
int sl_pair_explain(const char *name, struct sl_task *task, const struct sl_field *field);

/* Sets all rows of a chunk of one field aside: they are no pairs. */
int sl_pairs_reject(const struct sl_node *node, struct sl_task *task, const struct sl_chunk *in);
