/* Event time in status.json and the metrics: watermarks, how far they are behind, late records, what is open. */
#pragma once

#include "engine/batch/run.h"

/* Nothing where the job has no event times. */
void sl_status_event_time(const struct sl_run *run, struct sl_buf *buf);
void sl_status_event_time_metrics(const struct sl_run *run, struct sl_buf *buf);
