#include "state/store/frame.h"

#include <string.h>
#include <xxhash.h>

static void put32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get32(const uint8_t *from)
{
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static uint64_t check_of(const uint8_t head[SL_FRAME_BYTES], const void *payload, uint64_t offset)
{
    uint64_t seed = XXH3_64bits_withSeed(head, SL_FRAME_BYTES - 8, offset);
    return XXH3_64bits_withSeed(payload, get32(head + 4), seed);
}

void sl_frame_encode(const struct sl_frame *frame, const void *payload, uint64_t offset,
                     uint8_t head[SL_FRAME_BYTES])
{
    put32(head, frame->type);
    put32(head + 4, frame->packed);
    put32(head + 8, frame->raw);
    put32(head + 12, frame->rows);
    uint64_t check = check_of(head, payload, offset);
    put32(head + 16, (uint32_t)check);
    put32(head + 20, (uint32_t)(check >> 32));
}

struct sl_frame sl_frame_decode(const uint8_t head[SL_FRAME_BYTES])
{
    return (struct sl_frame){get32(head), get32(head + 4), get32(head + 8), get32(head + 12)};
}

bool sl_frame_is_whole(const uint8_t head[SL_FRAME_BYTES], const void *payload, uint64_t offset)
{
    uint64_t check = (uint64_t)get32(head + 16) | (uint64_t)get32(head + 20) << 32;
    return check == check_of(head, payload, offset);
}
