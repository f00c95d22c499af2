#include "text/block.h"

#include <string.h>
#include <xxhash.h>
#include <zstd.h>

#define MAGIC "sluiceb1"

enum { LEVEL = 1, MAGIC_BYTES = sizeof MAGIC - 1 };
/* A block is made of what one task has for one receiver. */
static const uint64_t raw_bytes_max = (uint64_t)1 << 36;

static void put64(uint8_t *to, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get64(const uint8_t *from)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value |= (uint64_t)from[i] << (8 * i);
    return value;
}

bool sl_block_pack(struct sl_buf *buf, const void *bytes, size_t len)
{
    size_t bound = ZSTD_compressBound(len);
    if (!sl_buf_reserve(buf, SL_BLOCK_HEAD_BYTES + bound))
        return false;
    uint8_t *head = buf->bytes + buf->len, *body = head + SL_BLOCK_HEAD_BYTES;
    size_t packed = ZSTD_compress(body, bound, len ? bytes : "", len, LEVEL);
    if (ZSTD_isError(packed))
        return sl_buf_fail(buf); /* the bound is enough: only memory can fail */
    memcpy(head, MAGIC, MAGIC_BYTES);
    put64(head + 8, len);
    put64(head + 16, XXH3_64bits_withSeed(body, packed, len));
    buf->len += SL_BLOCK_HEAD_BYTES + packed;
    return true;
}

uint64_t sl_block_check(const void *block)
{
    return get64((const uint8_t *)block + 16);
}

int sl_block_unpack(struct sl_buf *buf, const void *block, size_t len)
{
    const uint8_t *head = block, *body = head + SL_BLOCK_HEAD_BYTES;
    if (len < SL_BLOCK_HEAD_BYTES || memcmp(head, MAGIC, MAGIC_BYTES) != 0)
        return SL_EDAMAGED;
    uint64_t raw = get64(head + 8);
    size_t packed = len - SL_BLOCK_HEAD_BYTES;
    if (raw > raw_bytes_max || get64(head + 16) != XXH3_64bits_withSeed(body, packed, raw))
        return SL_EDAMAGED;
    if (!sl_buf_reserve(buf, raw + 1)) /* + 1: never nothing */
        return SL_ENOMEM;
    size_t got = ZSTD_decompress(buf->bytes + buf->len, raw, body, packed);
    if (ZSTD_isError(got) || got != raw)
        return SL_EDAMAGED;
    buf->len += raw;
    return 0;
}
