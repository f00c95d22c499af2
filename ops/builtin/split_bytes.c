#include "ops/builtin/split_bytes.h"

#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

static int cut_plain(struct sl_builder *out, const struct sl_field *text, uint8_t separator, uint32_t line)
{
    const uint8_t *from = text->str, *end = from + text->len;
    for (;;) {
        const uint8_t *at = from < end ? memchr(from, separator, (size_t)(end - from)) : NULL;
        struct sl_field piece = sl_string(from, (size_t)((at ? at : end) - from));
        int r = sl_builder_add(out, &piece, 1, line);
        if (r < 0 || !at)
            return r;
        from = at + 1;
    }
}

int sl_split_bytes_fn_plain(const struct sl_chunk *in, uint8_t separator, struct sl_builder *out,
                            uint32_t *row)
{
    for (; *row < in->rows && in->column[0][*row].tag == SL_STR; ++*row) {
        const struct sl_field *text = &in->column[0][*row];
        int r = cut_plain(out, text, separator, in->line ? in->line[*row] : 0);
        if (r < 0)
            return r;
    }
    return 0;
}

#if defined(__x86_64__)

/* Where the next pieces go: the builder's first column with the count of its rows in a register. */
struct pen {
    struct sl_field *column;
    uint32_t *line;
    uint32_t rows;
};

enum { BLOCK = 32 };

/* Room for the pieces that end in one block and the last one of the text. */
static inline int make_room(struct pen *pen, struct sl_builder *out)
{
    if (__builtin_expect(pen->rows + BLOCK + 1 <= SL_CHUNK_ROWS, 1))
        return 0;
    out->chunk.rows = pen->rows;
    pen->rows = 0;
    return sl_builder_flush(out);
}

static inline void write_piece(struct pen *pen, const uint8_t *from, const uint8_t *to, uint32_t line)
{
    pen->column[pen->rows] = sl_string(from, (size_t)(to - from));
    pen->line[pen->rows++] = line;
}

/* Writes a piece for each bit of the mask; bit i stands for the separator at p + i. Returns where the piece
 * after the last begins. */
static inline const uint8_t *write_pieces(struct pen *pen, const uint8_t *from, const uint8_t *p,
                                          uint32_t mask, uint32_t line)
{
    for (; mask; mask &= mask - 1) {
        const uint8_t *at = p + __builtin_ctz(mask);
        write_piece(pen, from, at, line);
        from = at + 1;
    }
    return from;
}

__attribute__((target("avx2"))) static inline uint32_t match32(const uint8_t *p, __m256i separator)
{
    __m256i bytes = _mm256_loadu_si256((const __m256i *)p);
    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, separator));
}

__attribute__((target("avx2"))) static inline uint32_t match16(const uint8_t *p, __m256i separator)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)p);
    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm256_castsi256_si128(separator)));
}

__attribute__((target("avx2"))) static inline uint32_t match8(const uint8_t *p, __m256i separator)
{
    __m128i bytes = _mm_loadl_epi64((const __m128i *)p);
    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm256_castsi256_si128(separator))) & 0xff;
}

/* The last len < 32 bytes before `end`, of a text of `whole` bytes, without reading a byte outside of it:
 * loads that overlap what was read already. */
__attribute__((target("avx2"))) static inline uint32_t match_tail(const uint8_t *end, uint32_t len,
                                                                  size_t whole, __m256i separator)
{
    const uint8_t *p = end - len;
    uint32_t mask = 0;
    if (whole >= 32)
        return match32(end - 32, separator) >> (32 - len);
    if (len >= 16)
        return match16(p, separator) | match16(end - 16, separator) << (len - 16);
    if (len >= 8)
        return match8(p, separator) | match8(end - 8, separator) << (len - 8);
    uint8_t wanted = (uint8_t)_mm_cvtsi128_si32(_mm256_castsi256_si128(separator));
    for (uint32_t i = 0; i < len; i++)
        mask |= (uint32_t)(p[i] == wanted) << i;
    return mask;
}

/* All pieces of one text. */
__attribute__((target("avx2"))) static inline int cut_text(struct pen *pen, struct sl_builder *out,
                                                           const struct sl_field *text, __m256i separator,
                                                           uint32_t line)
{
    const uint8_t *from = text->str, *p = from, *end = from + text->len;
    for (; end - p >= BLOCK; p += BLOCK) {
        int r = make_room(pen, out);
        if (r < 0)
            return r;
        from = write_pieces(pen, from, p, match32(p, separator), line);
    }
    int r = make_room(pen, out);
    if (r < 0)
        return r;
    uint32_t left = (uint32_t)(end - p);
    if (left)
        from = write_pieces(pen, from, p, match_tail(end, left, text->len, separator), line);
    write_piece(pen, from, end, line);
    return 0;
}

__attribute__((target("avx2"))) static int cut_rows_avx2(const struct sl_chunk *in, uint8_t separator,
                                                         struct sl_builder *out, uint32_t *row)
{
    __m256i wanted = _mm256_set1_epi8((char)separator);
    int r = sl_builder_room(out, 1);
    struct pen pen = {out->storage[0], out->line, out->chunk.rows};
    for (; r == 0 && *row < in->rows && in->column[0][*row].tag == SL_STR; ++*row)
        r = cut_text(&pen, out, &in->column[0][*row], wanted, in->line ? in->line[*row] : 0);
    if (r == 0)
        out->chunk.rows = pen.rows;
    return r;
}

sl_split_bytes_fn *sl_split_bytes_fn_best(void)
{
    return __builtin_cpu_supports("avx2") ? cut_rows_avx2 : sl_split_bytes_fn_plain;
}

#else

sl_split_bytes_fn *sl_split_bytes_fn_best(void)
{
    return sl_split_bytes_fn_plain;
}

#endif
