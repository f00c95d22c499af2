/* Event time in status.json and the metrics: watermarks and their lag, late records, open windows. */
#pragma once

#include "engine/batch/run.h"

/* Nothing where the job has no event times. */
void sl_status_event_time(const struct sl_run *run, struct sl_buf *buf);
void sl_status_event_time_metrics(const struct sl_run *run, struct sl_buf *buf);
