/* What operators of event time find above them in the graph. */
#pragma once

#include "core/contract/operator.h"

extern const struct sl_op sl_op_with_watermark;

/* The delay of the withWatermark above the node's inputs, in ms; the longest where several are. */
int64_t sl_upstream_delay(const struct sl_node *node);
/* SL_EUSAGE where an input's records have no event times. */
int sl_require_timed(const struct sl_node *node, struct sl_error *err);
