/* The metrics of a run: <mount>/.sluice/metrics, <checkpoint>/metrics, and over HTTP where the job asks for it. */
#pragma once

#include "engine/batch/run.h"

/* Appends them as OpenMetrics. */
void sl_status_metrics(struct sl_run *run, struct sl_buf *buf);
