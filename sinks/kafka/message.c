#include "sinks/kafka/message.h"

#include "text/format.h"
#include "text/json.h"

#include <string.h>

uint32_t sl_kafka_murmur2(const uint8_t *bytes, size_t len)
{
    const uint32_t m = 0x5bd1e995;
    uint32_t h = 0x9747b28c ^ (uint32_t)len;
    size_t at = 0;
    for (; at + 4 <= len; at += 4) {
        uint32_t k = (uint32_t)bytes[at] | (uint32_t)bytes[at + 1] << 8 | (uint32_t)bytes[at + 2] << 16 |
                     (uint32_t)bytes[at + 3] << 24;
        k *= m;
        k ^= k >> 24;
        k *= m;
        h *= m;
        h ^= k;
    }
    for (size_t left = len - at; left > 0; left--) /* the highest first, as in Java's switch */
        h ^= (uint32_t)bytes[at + left - 1] << 8 * (left - 1);
    if (at < len)
        h *= m;
    h ^= h >> 13;
    h *= m;
    h ^= h >> 15;
    return h & 0x7fffffff;
}

/* A string as it is, nothing for nil, the text of tsv for what else there is. */
static bool append_field(struct sl_buf *buf, const struct sl_field *field, uint64_t *replaced)
{
    if (field->tag == SL_NIL)
        return true;
    return field->tag == SL_STR ? sl_buf_append(buf, field->str, field->len)
                                : sl_tsv_field(buf, field, replaced);
}

/* The fields after the key: one as it is, several as a list in JSON. */
static bool append_value(struct sl_buf *buf, const struct sl_chunk *chunk, uint32_t row, bool *ret_has,
                         uint64_t *replaced)
{
    struct sl_field items[SL_WIDTH_MAX];
    struct sl_field value = sl_chunk_value(chunk, row, items);
    *ret_has = value.tag != SL_NIL;
    return chunk->width > 2 ? sl_json_field(buf, &value, replaced) : append_field(buf, &value, replaced);
}

static size_t padded(uint64_t bytes)
{
    return (size_t)((bytes + 7) & ~UINT64_C(7));
}

bool sl_kafka_out_append(struct sl_buf *buf, const struct sl_lane *lane, const struct sl_chunk *chunk,
                         uint32_t row)
{
    const struct sl_field *key = &chunk->column[0][row];
    struct sl_kafka_out head = {.origin = chunk->origin,
                                .line = chunk->line ? chunk->line[row] : UINT32_MAX,
                                .ordinal = lane->task->ordinal,
                                .has_key = key->tag != SL_NIL};
    size_t begin = buf->len;
    uint64_t replaced = 0;
    if (!sl_buf_append(buf, &head, sizeof head) || !append_field(buf, key, &replaced))
        return false;
    head.key_len = buf->len - begin - sizeof head;
    head.hash = sl_kafka_murmur2(buf->bytes + begin + sizeof head, head.key_len);
    if (!append_value(buf, chunk, row, &head.has_value, &replaced))
        return false;
    head.value_len = buf->len - begin - sizeof head - head.key_len;
    head.replaced = replaced < UINT32_MAX ? (uint32_t)replaced : UINT32_MAX;
    memcpy(buf->bytes + begin, &head, sizeof head);
    uint64_t len = head.key_len + head.value_len;
    return sl_buf_append(buf, "\0\0\0\0\0\0\0", padded(len) - len);
}

void sl_kafka_out_read(const uint8_t *bytes, size_t *at, struct sl_kafka_out *ret, const uint8_t **ret_key,
                       const uint8_t **ret_value)
{
    memcpy(ret, bytes + *at, sizeof *ret);
    const uint8_t *key = bytes + *at + sizeof *ret;
    *ret_key = ret->has_key ? key : NULL;
    *ret_value = ret->has_value ? key + ret->key_len : NULL;
    *at += sizeof *ret + padded(ret->key_len + ret->value_len);
}
