/* Who looks at rows on their way: `sluice try`. A run without one pays nothing. */
#pragma once

#include "core/contract/operator.h"

struct sl_observer {
    /* Rows that leave an operator, in order where there is one worker; borrowed. 0, or a failure. */
    int (*rows)(struct sl_observer *observer, const struct sl_node *node, const struct sl_chunk *rows);
};

/* The same for all rows of a dataset. */
int sl_observe_dataset(struct sl_observer *observer, const struct sl_node *node, struct sl_dataset *dataset);
