/* Copies of strings for what copies many: most are short, and a call of memcpy costs more than they do. */
#pragma once

#include "core/base/arena.h"
#include "core/rows/field.h"

#include <string.h>

/* Of 4 to 16 bytes, as sl_bytes_equal looks at them. */
static inline void sl_copy_up_to_16(uint8_t *to, const uint8_t *from, uint32_t size)
{
    uint8_t word[4][4];
    uint32_t second = sl_second_four(size), last = size - 4, third = last - second;
    memcpy(word[0], from, 4);
    memcpy(word[1], from + second, 4);
    memcpy(word[2], from + third, 4);
    memcpy(word[3], from + last, 4);
    memcpy(to, word[0], 4);
    memcpy(to + second, word[1], 4);
    memcpy(to + third, word[2], 4);
    memcpy(to + last, word[3], 4);
}

/* As memcpy of at least one byte. Longer than 16 bytes: halves that overlap. */
static inline void sl_copy_short(uint8_t *to, const uint8_t *from, size_t size)
{
    if (size > 32) {
        memcpy(to, from, size);
    } else if (size > 16) {
        uint8_t begin[16], end[16];
        memcpy(begin, from, 16);
        memcpy(end, from + size - 16, 16);
        memcpy(to, begin, 16);
        memcpy(to + size - 16, end, 16);
    } else if (size >= 4) {
        sl_copy_up_to_16(to, from, (uint32_t)size);
    } else {
        to[0] = from[0];
        to[size / 2] = from[size / 2];
        to[size - 1] = from[size - 1];
    }
}

/* As sl_arena_copy. */
static inline uint8_t *sl_arena_copy_short(struct sl_arena *arena, const uint8_t *bytes, size_t size)
{
    uint8_t *p = sl_arena_bytes(arena, size);
    if (p && size)
        sl_copy_short(p, bytes, size);
    return p;
}
