/* Records as messages on their way from lanes to the producer, in bytes: key and value as Kafka gets them, and where the
 * record comes from, so that it can still be rejected. */
#pragma once

#include "core/base/buf.h"
#include "core/contract/operator.h"

struct sl_kafka_out {
    const struct sl_origin *origin;
    uint32_t line, ordinal;
    uint32_t hash;     /* of the key */
    uint32_t replaced; /* U+FFFD for bytes of lists and maps that were no UTF-8 */
    bool has_key, has_value;
    uint64_t key_len, value_len; /* their bytes follow, padded to eight */
};

/* Java's murmur2 as Kafka uses it, without the sign. */
uint32_t sl_kafka_murmur2(const uint8_t *bytes, size_t len);

/* Appends the record in row `row`, of two fields at least. False: out of memory. */
bool sl_kafka_out_append(struct sl_buf *buf, const struct sl_lane *lane, const struct sl_chunk *chunk,
                         uint32_t row);
/* The message at *at, which moves after it. */
void sl_kafka_out_read(const uint8_t *bytes, size_t *at, struct sl_kafka_out *ret, const uint8_t **ret_key,
                       const uint8_t **ret_value);
