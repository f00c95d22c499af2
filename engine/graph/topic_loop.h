/* A job that reads the topic of Kafka that it writes: each batch would be the input of the next. */
#pragma once

#include "engine/graph/graph.h"

/* SL_EUSAGE: a source of the job reads the topic that the output writes, by name or by pattern, of a server that both
 * name. */
int sl_topic_loop_refuse(const struct sl_context *context, const struct sl_node *output,
                         struct sl_error *err);
