/* saveToKafka. */
#pragma once

#include "core/contract/operator.h"

extern const struct sl_op sl_sink_kafka;
