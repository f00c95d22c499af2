/* One value: sixteen bytes, tagged. Compared, hashed and ordered here, once
 * for everybody (docs/manual.md, "Records").
 *
 * A field borrows what it points to: string bytes, list items, map entries. Code that keeps a field longer than
 * its source copies it into an arena with sl_field_copy.
 *
 * Equality: types and values; a float with an integral value in int64 range equals that integer, -0.0 equals
 * 0, NaN equals NaN. The order: nil < false < true < numbers by value (NaN last) < strings by bytes < lists
 * by element < maps as the lists of their sorted pairs. A map's entries are sorted by key bytes, keys are
 * unique. */
#pragma once

#include "sluice/types.h"

#include <string.h>

struct sl_arena;

/* Whether the float is integral and in int64 range; then *ret_integer is its value. */
bool sl_float_is_integer(double d, int64_t *ret_integer);

/* <0, 0, >0 in the order of docs/manual.md, "Records". Equal fields (1 and 1.0) give 0. */
int sl_field_compare(const struct sl_field *a, const struct sl_field *b);
bool sl_field_equals_slow(const struct sl_field *a, const struct sl_field *b);

/* Not 0: the first `size` bytes differ, of at most eight. */
static inline uint64_t sl_words_differ(const uint8_t *a, const uint8_t *b, size_t size)
{
    uint64_t left = 0, right = 0;
    memcpy(&left, a, size);
    memcpy(&right, b, size);
    return left ^ right;
}

static inline bool sl_longer_bytes_equal(const uint8_t *a, const uint8_t *b, uint32_t len)
{
    return len > 32 ? memcmp(a, b, len) == 0
                    : !(sl_words_differ(a, b, 8) | sl_words_differ(a + 8, b + 8, 8) |
                        sl_words_differ(a + len - 16, b + len - 16, 8) |
                        sl_words_differ(a + len - 8, b + len - 8, 8));
}

static inline uint64_t sl_four_bytes(const uint8_t *p)
{
    uint32_t word;
    memcpy(&word, p, 4);
    return word;
}

/* Four times four bytes, of which some are the same ones, are all of 4 to 16 bytes, whatever their number: there is no
 * branch on it, which nothing could predict. The second begins here, the third as far before the last. */
static inline uint32_t sl_second_four(uint32_t len)
{
    return len >> 3 << 2;
}

/* Without a call for the short strings that most keys are. */
static inline bool sl_bytes_equal(const uint8_t *a, const uint8_t *b, uint32_t len)
{
    if (__builtin_expect(len > 16, 0))
        return sl_longer_bytes_equal(a, b, len);
    if (len < 4)
        return len == 0 || (a[0] == b[0] && a[len >> 1] == b[len >> 1] && a[len - 1] == b[len - 1]);
    uint32_t second = sl_second_four(len), last = len - 4, third = last - second;
    return !((sl_four_bytes(a) ^ sl_four_bytes(b)) | (sl_four_bytes(a + second) ^ sl_four_bytes(b + second)) |
             (sl_four_bytes(a + third) ^ sl_four_bytes(b + third)) |
             (sl_four_bytes(a + last) ^ sl_four_bytes(b + last)));
}

static inline bool sl_field_equals(const struct sl_field *a, const struct sl_field *b)
{
    if (a->tag == SL_STR && b->tag == SL_STR)
        return a->len == b->len && sl_bytes_equal(a->str, b->str, a->len);
    return sl_field_equals_slow(a, b);
}

/* Whether they are the same in every respect: 1 and 1.0, 0.0 and -0.0 are equal and do not
 * look the same; NaNs do. */
bool sl_field_looks_same(const struct sl_field *a, const struct sl_field *b);

/* Whether it is the string `text`. */
static inline bool sl_field_is_text(const struct sl_field *field, const char *text)
{
    return field->tag == SL_STR && field->len == strlen(text) && memcmp(field->str, text, field->len) == 0;
}

enum { SL_SHORT_MAX = 32 };

static inline uint64_t sl_multiply_fold(uint64_t a, uint64_t b)
{
    __uint128_t m = (__uint128_t)a * b;
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* Of strings of up to SL_SHORT_MAX bytes, which most keys are: words that may overlap, multiplied by twos. Of 4 to 16
 * bytes as in sl_bytes_equal. */
static inline uint64_t sl_short_hash(const uint8_t *p, uint32_t n, uint64_t seed)
{
    uint64_t a = 0, b = 0;
    if (__builtin_expect(n > 16, 0)) {
        memcpy(&a, p + n - 16, 8);
        memcpy(&b, p + n - 8, 8);
        seed ^= sl_multiply_fold(a ^ seed ^ 0x165667B19E3779F9u,
                                 b ^ (seed >> 32 | seed << 32) ^ 0x27D4EB2F165667C5u);
        memcpy(&b, p + 8, 8);
        memcpy(&a, p, 8);
    } else if (n >= 4) {
        uint32_t second = sl_second_four(n), last = n - 4;
        a = sl_four_bytes(p) << 32 | sl_four_bytes(p + second);
        b = sl_four_bytes(p + last) << 32 | sl_four_bytes(p + last - second);
    } else if (n) {
        a = (uint64_t)p[0] << 16 | (uint64_t)p[n >> 1] << 8 | p[n - 1];
    }
    return sl_multiply_fold(a ^ seed ^ 0x9E3779B97F4A7C15u,
                            b ^ (seed >> 32 | seed << 32) ^ ((uint64_t)n << 56) ^ 0xC2B2AE3D27D4EB4Fu);
}

uint64_t sl_field_hash_slow(const struct sl_field *f, uint64_t seed);

/* A seeded hash for tables; equal fields hash alike. Never leaves the process. */
static inline uint64_t sl_field_hash(const struct sl_field *f, uint64_t seed)
{
    return f->tag == SL_STR && f->len <= SL_SHORT_MAX ? sl_short_hash(f->str, f->len, seed)
                                                      : sl_field_hash_slow(f, seed);
}

/* XXH3-64, unseeded, of the canonical key bytes: the same on every machine; for partitions. */
uint64_t sl_field_partition_hash(const struct sl_field *f);

/* A deep copy: *ret points into the arena only. False: out of memory. */
bool sl_field_copy(struct sl_arena *arena, const struct sl_field *f, struct sl_field *ret);
/* The fields themselves in the arena; what they point to is borrowed. NULL: out of memory. */
struct sl_field *sl_fields_place(struct sl_arena *arena, const struct sl_field *fields, size_t count);

/* Sorts the pairs of a map under construction in place by key; false if a key is no string
 * or occurs twice. */
bool sl_map_sort(struct sl_field *pairs, size_t count);

/* The value under a key; NULL if there is none or the field is no map. */
const struct sl_field *sl_map_get(const struct sl_field *map, const void *key, size_t len);

/* nil, boolean, integer, float, string, list, map: for messages; with its article: "an integer". */
const char *sl_tag_name(enum sl_tag tag);
const char *sl_tag_phrase(enum sl_tag tag);

struct sl_error;
/* Adds ", got ..." to a message that says which texts are accepted: the text that was given, or the type of another
 * value. Returns the failure. */
int sl_error_got(struct sl_error *err, const struct sl_field *given);
