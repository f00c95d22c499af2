/* Documents that hold a value for each partition, in the order of topics (bytes) and numbers:
 *
 *     {"topic":{"0":VALUE,"1":VALUE}, ...} */
#pragma once

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/rows/field.h"

int sl_kafka_partition_compare(const char *topic, int32_t partition, const char *other_topic,
                               int32_t other_partition);

/* Up to the value of a partition, which the caller appends. *previous is NULL before the first partition; it is set to
 * `topic`. After the last one: end. Failures are kept in the buffer. */
void sl_kafka_partitions_next(struct sl_buf *ret, const char **previous, const char *topic,
                              int32_t partition);
void sl_kafka_partitions_end(struct sl_buf *ret, const char *previous);

/* SL_EDAMAGED, *err untouched: it is no such value. */
typedef int sl_kafka_partition_read(void *arg, const char *topic, int32_t partition,
                                    const struct sl_field *value, struct sl_error *err);
/* Calls `read` for each partition as they come. SL_EDAMAGED: "<what> are not what was written". */
int sl_kafka_partitions_parse(const void *text, size_t len, const char *what, sl_kafka_partition_read *read,
                              void *arg, struct sl_error *err);
