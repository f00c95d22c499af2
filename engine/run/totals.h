/* What the batches of a run add up to, for metrics: by operator, by source, and delays as histograms.
 *
 * sl_totals_add after each batch. Without memory for it the run continues, and nothing is counted. */
#pragma once

#include "engine/run/open_metrics.h"

struct sl_batch;
struct sl_status_batch;

/* Of an operator. */
struct sl_node_totals {
    uint64_t in, out, rejected, late; /* records; a source has no `in` */
};

/* Of a source. */
struct sl_source_totals {
    uint64_t files, bytes, quarantined, rejected;
};

struct sl_totals {
    struct sl_node_totals *node,
        *last;                       /* [nodes]: of the run, of the last batch; NULL: nothing was counted */
    struct sl_source_totals *source; /* [sources] */
    struct sl_metric_times scheduling, processing, total;
};

void sl_totals_add(struct sl_totals *totals, const struct sl_batch *batch,
                   const struct sl_status_batch *last);
void sl_totals_done(struct sl_totals *totals);
