/* Offsets of partitions, in the order of topics (bytes) and numbers, and the document that holds them:
 *
 *     {"topic":{"0":[from,to],"1":[from,to]}, ...}
 *
 * (receive/kafka/partitions.h). `from` is the offset of the first record, `to` that of the record that follows the last: equal where there is none. */
#pragma once

#include "core/base/buf.h"
#include "core/base/error.h"

struct sl_kafka_position {
    char *topic; /* owned */
    int32_t partition;
    int64_t from, to;
};

/* Zero is an empty list. */
struct sl_kafka_positions {
    struct sl_kafka_position *item;
    size_t count, capacity;
};

void sl_kafka_positions_done(struct sl_kafka_positions *positions);
/* Of sorted ones. NULL: it is not there. */
const struct sl_kafka_position *sl_kafka_positions_find(const struct sl_kafka_positions *positions,
                                                        const char *topic, int32_t partition);
/* In any order: call sort when all are there. */
int sl_kafka_positions_add(struct sl_kafka_positions *positions, const char *topic, int32_t partition,
                           int64_t from, int64_t to, struct sl_error *err);
void sl_kafka_positions_sort(struct sl_kafka_positions *positions);
/* Of sorted ones. False: out of memory. */
bool sl_kafka_positions_append(const struct sl_kafka_positions *positions, struct sl_buf *ret);
/* Sorted. SL_EDAMAGED: it is no such document. The caller calls done, after a failure, too. */
int sl_kafka_positions_parse(const void *text, size_t len, struct sl_kafka_positions *ret,
                             struct sl_error *err);
