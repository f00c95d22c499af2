/* histogram(edges): how many numbers are in each bucket, for the operator of that name. */
#pragma once

#include "core/contract/reducer.h"

enum { SL_HISTOGRAM_EDGES_MAX = 10001 };

/* Whether `edges` are at least two numbers in ascending order; SL_EUSAGE otherwise. */
int sl_histogram_check(const struct sl_field *edges, struct sl_error *err);

struct sl_histogram {
    struct sl_reducer reducer;
    const struct sl_field *edge; /* [edges] borrowed */
    uint32_t edges;
};
/* edges were checked. */
void sl_histogram_init(struct sl_histogram *histogram, const struct sl_field *edges);
