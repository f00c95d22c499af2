#include "text/newlines.h"

#include <stddef.h>
#include <string.h>

uint32_t sl_newlines_portable(const uint8_t *p, uint32_t len, uint32_t *at, uint32_t most)
{
    uint32_t count = 0;
    const uint8_t *from = p, *end = p + len;
    while (count < most && from < end) {
        const uint8_t *newline = memchr(from, '\n', (size_t)(end - from));
        if (!newline)
            break;
        at[count++] = (uint32_t)(newline - p);
        from = newline + 1;
    }
    return count;
}

#ifdef __x86_64__
#include <immintrin.h>

/* A 32-byte step writes up to 32 positions, then the count is cut: hence the slack. */
__attribute__((target("avx2"))) static uint32_t newlines_avx2(const uint8_t *p, uint32_t len, uint32_t *at,
                                                              uint32_t most)
{
    const __m256i newline = _mm256_set1_epi8('\n');
    uint32_t count = 0, i = 0;
    for (; len - i >= 32 && count < most; i += 32) {
        __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)(p + i));
        uint32_t mask = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, newline));
        for (; mask; mask &= mask - 1)
            at[count++] = i + (uint32_t)__builtin_ctz(mask);
    }
    for (; i < len && count < most; i++)
        if (p[i] == '\n')
            at[count++] = i;
    return count < most ? count : most;
}

sl_newlines_fn *sl_newlines_fastest(void)
{
    return __builtin_cpu_supports("avx2") ? newlines_avx2 : sl_newlines_portable;
}

#else

sl_newlines_fn *sl_newlines_fastest(void)
{
    return sl_newlines_portable;
}

#endif
