/* The metrics of a run: <mount>/.sluice/metrics, <checkpoint>/metrics, and over HTTP where the job asks for it. */
#pragma once

#include "engine/batch/run.h"

/* Appends them as OpenMetrics. False: out of memory. */
void sl_status_metrics(struct sl_run *run, struct sl_buf *buf);
/* What the operator keeps now. */
struct sl_held sl_status_held(const struct sl_run *run, const struct sl_node *node);
