/* Received sources in status.json and the metrics. */
#pragma once

#include "core/base/buf.h"
#include "engine/batch/run.h"

/* A JSON object of each source that reports, after `separator`, which becomes ",". */
bool sl_status_received(const struct sl_run *run, const char **separator, struct sl_buf *buf);
void sl_status_received_metrics(const struct sl_run *run, struct sl_buf *buf);
/* Changes whenever a report does. */
uint64_t sl_status_received_digest(const struct sl_run *run);
