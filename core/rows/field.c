#include "core/rows/field.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/rows/short_copy.h"

#include <endian.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

bool sl_float_is_integer(double d, int64_t *ret_integer)
{
    if (!(d >= -9223372036854775808.0 && d < 9223372036854775808.0) || d != floor(d))
        return false;
    *ret_integer = (int64_t)d;
    return true;
}

/* The rank of kinds in the order: false and true compare inside their tag, numbers are one kind. */
static int rank(uint8_t tag)
{
    return tag == SL_FLOAT ? SL_INT : tag;
}

static int compare_integers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* An integer and a float that is no NaN, exactly: a double cannot hold every int64. */
static int compare_mixed(int64_t a, double b)
{
    int64_t whole;
    if (b >= 9223372036854775808.0)
        return -1;
    if (b < -9223372036854775808.0)
        return 1;
    if (sl_float_is_integer(b, &whole))
        return compare_integers(a, whole);
    int order = compare_integers(a, (int64_t)floor(b));
    return order == 0 ? -1 : order;
}

static int compare_numbers(const struct sl_field *a, const struct sl_field *b)
{
    if (a->tag == SL_INT && b->tag == SL_INT)
        return compare_integers(a->integer, b->integer);
    bool a_nan = a->tag == SL_FLOAT && isnan(a->number), b_nan = b->tag == SL_FLOAT && isnan(b->number);
    if (a_nan || b_nan)
        return a_nan - b_nan;
    if (a->tag == SL_INT)
        return compare_mixed(a->integer, b->number);
    if (b->tag == SL_INT)
        return -compare_mixed(b->integer, a->number);
    return (a->number > b->number) - (a->number < b->number);
}

/* The first eight bytes, as a number in the order of bytes. */
static uint64_t first_eight(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return be64toh(word);
}

/* Most strings differ in their first bytes, for which no call is needed. */
static int compare_bytes(const struct sl_field *a, const struct sl_field *b)
{
    uint32_t len = a->len < b->len ? a->len : b->len;
    uint64_t first_a = len >= 8 ? first_eight(a->str) : 0, first_b = len >= 8 ? first_eight(b->str) : 0;
    if (first_a != first_b)
        return first_a < first_b ? -1 : 1;
    int order = len ? memcmp(a->str, b->str, len) : 0;
    return order ? order : (a->len > b->len) - (a->len < b->len);
}

/* Depth is bounded by SL_DEPTH_MAX where fields are made. */
static int compare_items(const struct sl_field *a, const struct sl_field *b, size_t a_count, size_t b_count)
{
    size_t count = a_count < b_count ? a_count : b_count;
    for (size_t i = 0; i < count; i++) {
        int order = sl_field_compare(&a->items[i], &b->items[i]);
        if (order)
            return order;
    }
    return (a_count > b_count) - (a_count < b_count);
}

int sl_field_compare(const struct sl_field *a, const struct sl_field *b)
{
    if (rank(a->tag) != rank(b->tag))
        return rank(a->tag) < rank(b->tag) ? -1 : 1;
    switch ((enum sl_tag)a->tag) {
    case SL_NIL:
        return 0;
    case SL_BOOL:
        return a->boolean - b->boolean;
    case SL_INT:
    case SL_FLOAT:
        return compare_numbers(a, b);
    case SL_STR:
        return compare_bytes(a, b);
    case SL_LIST:
        return compare_items(a, b, a->len, b->len);
    case SL_MAP:
        return compare_items(a, b, 2 * (size_t)a->len, 2 * (size_t)b->len);
    }
    sl_assert(!"a field has no such tag");
}

bool sl_field_equals_slow(const struct sl_field *a, const struct sl_field *b)
{
    return sl_field_compare(a, b) == 0;
}

static bool numbers_look_same(double a, double b)
{
    return a == b ? !signbit(a) == !signbit(b) : isnan(a) && isnan(b);
}

bool sl_field_looks_same(const struct sl_field *a, const struct sl_field *b)
{
    if (a->tag != b->tag)
        return false;
    switch ((enum sl_tag)a->tag) {
    case SL_NIL:
        return true;
    case SL_BOOL:
        return a->boolean == b->boolean;
    case SL_INT:
        return a->integer == b->integer;
    case SL_FLOAT:
        return numbers_look_same(a->number, b->number);
    case SL_STR:
        return a->len == b->len && sl_bytes_equal(a->str, b->str, a->len);
    case SL_LIST:
    case SL_MAP:
        if (a->len != b->len)
            return false;
        for (size_t i = 0, count = a->tag == SL_MAP ? 2 * (size_t)a->len : a->len; i < count; i++)
            if (!sl_field_looks_same(&a->items[i], &b->items[i]))
                return false;
        return true;
    }
    sl_assert(!"a field has no such tag");
}

/* A number as hashes see it: equal numbers, one form. */
static struct sl_field canonical_number(const struct sl_field *f)
{
    int64_t whole;
    if (f->tag == SL_FLOAT && sl_float_is_integer(f->number, &whole))
        return sl_integer(whole);
    if (f->tag == SL_FLOAT && isnan(f->number))
        return sl_number(NAN);
    return *f;
}

static uint64_t hash_word(uint64_t word, uint64_t seed)
{
    __uint128_t m = (__uint128_t)(word ^ seed ^ 0x9E3779B97F4A7C15u) * 0xD6E8FEB86659FD93u;
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

uint64_t sl_field_hash_slow(const struct sl_field *f, uint64_t seed)
{
    uint64_t hash = seed + f->tag;
    struct sl_field number;
    switch ((enum sl_tag)f->tag) {
    case SL_NIL:
        return hash_word(1, seed);
    case SL_BOOL:
        return hash_word(2 + f->boolean, seed);
    case SL_INT:
    case SL_FLOAT:
        number = canonical_number(f);
        return hash_word((uint64_t)number.integer, seed + number.tag);
    case SL_STR:
        return f->len > SL_SHORT_MAX ? XXH3_64bits_withSeed(f->str, f->len, seed)
                                     : sl_short_hash(f->str, f->len, seed);
    case SL_LIST:
    case SL_MAP:
        for (size_t i = 0, count = f->tag == SL_MAP ? 2 * (size_t)f->len : f->len; i < count; i++)
            hash = hash_word(sl_field_hash(&f->items[i], seed), hash);
        return hash_word(f->len, hash);
    }
    sl_assert(!"a field has no such tag");
}

/* The canonical key bytes: tag, then little-endian payload; strings, lists and maps with their length. */
static void partition_update(XXH3_state_t *state, const struct sl_field *f)
{
    struct sl_field number = f->tag == SL_FLOAT ? canonical_number(f) : *f;
    uint8_t head[9] = {number.tag};
    uint64_t payload = 0;
    switch ((enum sl_tag)number.tag) {
    case SL_NIL:
        break;
    case SL_BOOL:
        payload = number.boolean;
        break;
    case SL_INT:
    case SL_FLOAT:
        payload = (uint64_t)number.integer;
        break;
    case SL_STR:
    case SL_LIST:
    case SL_MAP:
        payload = f->len;
        break;
    }
    for (int i = 0; i < 8; i++)
        head[1 + i] = (uint8_t)(payload >> (8 * i));
    XXH3_64bits_update(state, head, sizeof head);
    if (f->tag == SL_STR)
        XXH3_64bits_update(state, f->str, f->len);
    if (f->tag == SL_LIST || f->tag == SL_MAP)
        for (size_t i = 0, count = f->tag == SL_MAP ? 2 * (size_t)f->len : f->len; i < count; i++)
            partition_update(state, &f->items[i]);
}

uint64_t sl_field_partition_hash(const struct sl_field *f)
{
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    partition_update(&state, f);
    return XXH3_64bits_digest(&state);
}

static bool copy_items(struct sl_arena *arena, const struct sl_field *f, size_t count, struct sl_field *ret)
{
    struct sl_field *items = sl_arena_alloc(arena, count * sizeof *items);
    if (!items)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!sl_field_copy(arena, &f->items[i], &items[i]))
            return false;
    *ret = *f;
    ret->items = items;
    return true;
}

struct sl_field *sl_fields_place(struct sl_arena *arena, const struct sl_field *fields, size_t count)
{
    struct sl_field *placed = sl_arena_alloc(arena, count * sizeof *placed);
    if (placed && count)
        memcpy(placed, fields, count * sizeof *placed);
    return placed;
}

bool sl_field_copy(struct sl_arena *arena, const struct sl_field *f, struct sl_field *ret)
{
    if (f->tag == SL_LIST || f->tag == SL_MAP)
        return copy_items(arena, f, f->tag == SL_MAP ? 2 * (size_t)f->len : f->len, ret);
    struct sl_field copy = *f;
    if (f->tag == SL_STR) {
        copy.str = sl_arena_copy_short(arena, f->str, f->len);
        if (!copy.str && f->len)
            return false;
    }
    *ret = copy;
    return true;
}

static int compare_pairs(const void *a, const void *b)
{
    return compare_bytes(a, b);
}

bool sl_map_sort(struct sl_field *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (pairs[2 * i].tag != SL_STR)
            return false;
    if (count > 1)
        qsort(pairs, count, 2 * sizeof *pairs, compare_pairs);
    for (size_t i = 1; i < count; i++)
        if (compare_bytes(&pairs[2 * i - 2], &pairs[2 * i]) == 0)
            return false;
    return true;
}

const struct sl_field *sl_map_get(const struct sl_field *map, const void *key, size_t len)
{
    if (map->tag != SL_MAP)
        return NULL;
    struct sl_field wanted = sl_string(key, len);
    size_t from = 0, to = map->len;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = compare_bytes(&wanted, &map->items[2 * middle]);
        if (order == 0)
            return &map->items[2 * middle + 1];
        if (order < 0)
            to = middle;
        else
            from = middle + 1;
    }
    return NULL;
}

const char *sl_tag_phrase(enum sl_tag tag)
{
    static const char *const phrases[] = {"nil",      "a boolean", "an integer", "a float",
                                          "a string", "a list",    "a map"};
    return phrases[tag];
}

int sl_error_got(struct sl_error *err, const struct sl_field *given)
{
    enum { SHOWN_MAX = 60 };
    if (!err)
        return SL_EUSAGE;
    size_t len = strlen(err->text);
    if (given->tag == SL_STR)
        snprintf(err->text + len, sizeof err->text - len, ", got \"%.*s\"",
                 given->len < SHOWN_MAX ? (int)given->len : SHOWN_MAX, (const char *)given->str);
    else
        snprintf(err->text + len, sizeof err->text - len, ", got %s", sl_tag_phrase(given->tag));
    return err->code;
}

const char *sl_tag_name(enum sl_tag tag)
{
    static const char *const names[] = {"nil", "boolean", "integer", "float", "string", "list", "map"};
    return names[tag];
}
