#include "text/csv_plain.h"

#include <string.h>

enum { BLOCK = 64 };

uint64_t sl_csv_mask_portable(const uint8_t *p, uint8_t a, uint8_t b, uint8_t c)
{
    uint64_t mask = 0;
    for (unsigned i = 0; i < BLOCK; i++)
        mask |= (uint64_t)(p[i] == a || p[i] == b || p[i] == c) << i;
    return mask;
}

#ifdef __x86_64__
#include <immintrin.h>

static uint64_t mask_sse2(const uint8_t *p, uint8_t a, uint8_t b, uint8_t c)
{
    const __m128i x = _mm_set1_epi8((char)a), y = _mm_set1_epi8((char)b), z = _mm_set1_epi8((char)c);
    uint64_t mask = 0;
    for (unsigned i = 0; i < BLOCK; i += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
        __m128i found = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, x), _mm_cmpeq_epi8(bytes, y)),
                                     _mm_cmpeq_epi8(bytes, z));
        mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(found) << i;
    }
    return mask;
}

__attribute__((target("avx2"))) static uint64_t mask_avx2(const uint8_t *p, uint8_t a, uint8_t b, uint8_t c)
{
    const __m256i x = _mm256_set1_epi8((char)a), y = _mm256_set1_epi8((char)b), z = _mm256_set1_epi8((char)c);
    uint64_t mask = 0;
    for (unsigned i = 0; i < BLOCK; i += 32) {
        __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)(p + i));
        __m256i found =
            _mm256_or_si256(_mm256_or_si256(_mm256_cmpeq_epi8(bytes, x), _mm256_cmpeq_epi8(bytes, y)),
                            _mm256_cmpeq_epi8(bytes, z));
        mask |= (uint64_t)(uint32_t)_mm256_movemask_epi8(found) << i;
    }
    return mask;
}

sl_csv_mask_fn *sl_csv_mask_fastest(void)
{
    return __builtin_cpu_supports("avx2") ? mask_avx2 : mask_sse2;
}

#else

sl_csv_mask_fn *sl_csv_mask_fastest(void)
{
    return sl_csv_mask_portable;
}

#endif

void sl_csv_plain_init(struct sl_csv_plain *plain, const struct sl_csv *csv, sl_csv_mask_fn *mask)
{
    *plain = (struct sl_csv_plain){.mask = mask ? mask : sl_csv_mask_fastest(),
                                   .delimiter = csv->delimiter,
                                   .quote = csv->quotes ? csv->quote : csv->delimiter};
}

/* The last bytes are looked at in a copy: what follows them is not ours. */
static void look(struct sl_csv_plain *plain)
{
    uint8_t last[BLOCK] = {0};
    const uint8_t *p = plain->block;
    size_t left = (size_t)(plain->end - p);
    if (left < BLOCK) {
        memcpy(last, p, left);
        p = last;
    }
    plain->bits = plain->mask(p, plain->delimiter, plain->quote, '\n');
    if (left < BLOCK)
        plain->bits &= ((uint64_t)1 << left) - 1;
}

void sl_csv_plain_start(struct sl_csv_plain *plain, const uint8_t *p, const uint8_t *end)
{
    plain->block = p;
    plain->end = end;
    look(plain);
}

/* The next delimiter, quote or newline; NULL: there is none. */
static inline const uint8_t *next_special(struct sl_csv_plain *plain)
{
    while (!plain->bits) {
        if (plain->end - plain->block <= BLOCK)
            return NULL;
        plain->block += BLOCK;
        look(plain);
    }
    unsigned i = (unsigned)__builtin_ctzll(plain->bits);
    plain->bits &= plain->bits - 1;
    return plain->block + i;
}

const uint8_t *sl_csv_plain_next(struct sl_csv_plain *plain, const uint8_t **field_end, uint32_t fields_max,
                                 uint32_t *ret_count)
{
    uint32_t count = 0;
    for (const uint8_t *p; count < fields_max && (p = next_special(plain));) {
        field_end[count++] = p;
        if (*p == '\n') {
            *ret_count = count;
            return p;
        }
        if (*p != plain->delimiter)
            return NULL;
    }
    return NULL;
}
