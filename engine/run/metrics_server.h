/* The metrics over HTTP, where the job sets `metrics`: the text that was made last, as OpenMetrics or, for clients that do not
 * ask for it, in the older format of Prometheus. A client gets a copy and waits for no batch, nor a batch for it. */
#pragma once

#include "core/base/buf.h"
#include "core/base/error.h"

struct sl_metrics_server;

int sl_metrics_server_open(const char *address, struct sl_metrics_server **ret, struct sl_error *err);
/* Where it listens. Borrowed. */
const char *sl_metrics_server_address(const struct sl_metrics_server *server);
/* The newest metrics; copied. Without memory the older ones stay. */
void sl_metrics_server_set(struct sl_metrics_server *server, const struct sl_buf *text);
/* NULL is fine. */
void sl_metrics_server_close(struct sl_metrics_server *server);
