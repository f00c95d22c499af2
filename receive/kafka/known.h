/* Which topics a Kafka source reads, and what the checkpoint knows of them under another name. */
#pragma once

#include "core/base/buf.h"
#include "core/contract/operator.h"

/* Whether the topic is among those of the node: one that was may have partitions in the checkpoint. */
bool sl_kafka_reads(const struct sl_node *node, const char *topic);

/* The sum of the offsets that the document of another source (receive/kafka/positions.h) has reached in partitions of topics that
 * the node reads, too; -1: it has none of them, or is no such document. */
int sl_kafka_known_offsets(const struct sl_node *node, const struct sl_buf *document, int64_t *ret,
                           struct sl_error *err);
