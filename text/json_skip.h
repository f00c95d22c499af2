/* The inner loops of walking JSON without making values: private to the scanner and text/json_pick.c. Sixteen bytes at
 * once where every processor of the architecture can (x86-64), else eight. */
#pragma once

#include "text/utf8.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
enum { SL_JSON_VECTOR = 1 };

/* Bit i: byte i of the sixteen ends a plain stretch of a string: a quote, a backslash or below 0x20. */
static inline uint32_t sl_json_special_mask(const uint8_t *p)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
            slashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    __m128i controls = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
    return (uint32_t)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quotes, slashes), controls));
}
#else
enum { SL_JSON_VECTOR = 0 };

static inline uint32_t sl_json_special_mask(const uint8_t *p)
{
    (void)p;
    return 0;
}
#endif

/* The first quote, backslash or control character of [p, end); `end` where there is none. [begin, end) may be read.
 * With `vector` sixteen bytes at once, of which the last ones may have been looked at before. */
static inline __attribute__((always_inline)) const uint8_t *sl_json_special(bool vector, const uint8_t *begin,
                                                                            const uint8_t *p,
                                                                            const uint8_t *end)
{
    for (; vector && end - p >= 16; p += 16) {
        uint32_t mask = sl_json_special_mask(p);
        if (mask)
            return p + __builtin_ctz(mask);
    }
    if (vector && end - begin >= 16) {
        uint32_t mask = sl_json_special_mask(end - 16) >> (16 - (end - p));
        return mask && p < end ? p + __builtin_ctz(mask) : end;
    }
    for (uint64_t word; end - p >= 8; p += 8) {
        memcpy(&word, p, 8);
        if (sl_word_has_below(word, 0x20) || sl_word_has(word, '"') || sl_word_has(word, '\\'))
            break;
    }
    while (p < end && *p >= 0x20 && *p != '"' && *p != '\\')
        p++;
    return p;
}
