/* What two outputs of a run must not both write to, where a name alone does not tell that it is one thing: a table of a
 * server that is reached by two addresses, say. An output claims it under a name that is the same however the job writes it.
 *
 * Claims are kept in services->shared, until the run ends. */
#pragma once

#include "core/contract/services.h"

struct sl_node;

/* The node's claim, in place of an earlier one. *ret_other: the node that has claimed the same, which stays as it is; or NULL. */
int sl_claim(struct sl_shared *shared, const struct sl_node *node, const char *name,
             const struct sl_node **ret_other, struct sl_error *err);
void sl_claims_free(struct sl_shared *shared);
