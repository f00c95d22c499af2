/* One line of a graph as text: number, inputs, call, place. */
#pragma once

#include "core/base/buf.h"
#include "core/contract/operator.h"

/* Safe for terminals, newline included. */
void sl_graph_text_line(struct sl_buf *buf, const struct sl_node *node);
/* The call as in the job: flatMap(split(" ")). */
void sl_graph_call(struct sl_buf *buf, const struct sl_node *node);
