/* A radix sort by prefix. Strings whose prefixes are equal get the eight bytes behind them as a new prefix
 * and are sorted again, a few times: texts often begin alike, and comparing them costs two misses of the
 * cache each time. What is equal after that, few or no strings, is sorted by comparison. */
#include "ops/key/sort_keys.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint64_t number_prefix(double number)
{
    uint64_t bits;
    number += 0.0; /* -0.0 equals 0 */
    memcpy(&bits, &number, sizeof bits);
    if (isnan(number))
        return UINT64_MAX;
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

static uint64_t string_prefix(const struct sl_field *key)
{
    uint64_t bits = 0;
    if (key->len >= 8) {
        memcpy(&bits, key->str, 8);
        return __builtin_bswap64(bits);
    }
    for (uint32_t i = 0; i < key->len; i++)
        bits |= (uint64_t)key->str[i] << (56 - 8 * i);
    return bits;
}

uint64_t sl_key_prefix(const struct sl_field *key)
{
    uint64_t kind = (uint64_t)(key->tag == SL_FLOAT ? SL_INT : key->tag) << 61, rest = 0;
    switch ((enum sl_tag)key->tag) {
    case SL_NIL:
    case SL_LIST:
    case SL_MAP:
        break;
    case SL_BOOL:
        rest = (uint64_t)key->boolean << 60;
        break;
    case SL_INT:
        rest = number_prefix((double)key->integer);
        break;
    case SL_FLOAT:
        rest = number_prefix(key->number);
        break;
    case SL_STR:
        rest = string_prefix(key);
        break;
    }
    return kind | rest >> 3;
}

static int compare_items(const void *a, const void *b)
{
    const struct sl_field *left = ((const struct sl_sort_item *)a)->key;
    const struct sl_field *right = ((const struct sl_sort_item *)b)->key;
    int order = sl_field_compare(left, right);
    return order ? order : (left > right) - (left < right);
}

static int compare_prefixed(const void *a, const void *b)
{
    const struct sl_sort_item *left = a, *right = b;
    if (left->prefix != right->prefix)
        return left->prefix < right->prefix ? -1 : 1;
    return compare_items(a, b);
}

bool sl_sort_item_less(const struct sl_sort_item *a, const struct sl_sort_item *b)
{
    return compare_prefixed(a, b) < 0;
}

/* ---- prefixes of many keys, which lie anywhere ---- */

SL_FETCH fetch_key(const struct sl_sort_item *item, size_t i, size_t count)
{
    if (i < count)
        __builtin_prefetch(item[i].key);
}

SL_FETCH fetch_bytes(const struct sl_sort_item *item, size_t i, size_t count, uint32_t at)
{
    if (i < count && item[i].key->tag == SL_STR && item[i].key->len > at)
        __builtin_prefetch(item[i].key->str + at);
}

void sl_sort_items_prefix(struct sl_sort_item *item, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fetch_key(item, i + 2 * SL_KEYS_AHEAD, count);
        fetch_bytes(item, i + SL_KEYS_AHEAD, count, 0);
        item[i].prefix = sl_key_prefix(item[i].key);
    }
}

/* Eight bytes of a string from `at` on; what is behind its end counts as zero. */
static uint64_t bytes_at(const struct sl_field *key, uint32_t at)
{
    if (key->len <= at)
        return 0;
    struct sl_field rest = sl_string(key->str + at, key->len - at);
    return string_prefix(&rest);
}

static void prefix_from(struct sl_sort_item *item, size_t count, uint32_t at)
{
    for (size_t i = 0; i < count; i++)
        item[i].prefix = bytes_at(item[i].key, at);
}

/* ---- sorting ---- */

enum {
    RADIX_MIN = 64,
    FIRST_BYTES = 7,  /* of a string in its key's prefix; the eighth only in part */
    PREFIXES_MAX = 9, /* tried one after the other */
};

/* One pass over byte `shift / 8`; false where all items have the same byte and nothing moved. */
static bool radix_pass(const struct sl_sort_item *from, struct sl_sort_item *to, size_t count, unsigned shift)
{
    size_t start[257] = {0};
    for (size_t i = 0; i < count; i++)
        start[(from[i].prefix >> shift & 0xFF) + 1]++;
    if (start[(from[0].prefix >> shift & 0xFF) + 1] == count)
        return false;
    for (size_t b = 1; b < 257; b++)
        start[b] += start[b - 1];
    for (size_t i = 0; i < count; i++)
        to[start[from[i].prefix >> shift & 0xFF]++] = from[i];
    return true;
}

static void radix_sort(struct sl_sort_item *item, struct sl_sort_item *spare, size_t count)
{
    struct sl_sort_item *from = item, *to = spare;
    for (unsigned shift = 0; shift < 64; shift += 8)
        if (radix_pass(from, to, count, shift)) {
            struct sl_sort_item *swap = from;
            from = to;
            to = swap;
        }
    if (from != item)
        memcpy(item, from, count * sizeof *item);
}

static bool is_alike(const struct sl_sort_item *item, size_t i, size_t count)
{
    return (i > 0 && i < count && item[i].prefix == item[i - 1].prefix) ||
           (i + 1 < count && item[i].prefix == item[i + 1].prefix);
}

/* What the next prefix of strings with equal ones is made of; runs of them are too short to fetch ahead
 * there. */
SL_FETCH fetch_alike(const struct sl_sort_item *item, size_t count, uint32_t at)
{
    for (size_t i = 0; i < count + SL_KEYS_AHEAD; i++) {
        if (is_alike(item, i, count))
            fetch_key(item, i, count);
        if (i >= SL_KEYS_AHEAD && is_alike(item, i - SL_KEYS_AHEAD, count))
            fetch_bytes(item, i - SL_KEYS_AHEAD, count, at);
    }
}

static void sort_prefixed(struct sl_sort_item *item, struct sl_sort_item *spare, size_t count,
                          unsigned prefixes);

/* Of a string's bytes: what its prefix number `prefixes` ends before. */
static uint32_t end_of_prefix(unsigned prefixes)
{
    return FIRST_BYTES + 8 * (prefixes - 1);
}

/* Keys with one prefix, the one numbered `prefixes`. */
static void sort_alike(struct sl_sort_item *item, struct sl_sort_item *spare, size_t count, unsigned prefixes)
{
    if (item->key->tag == SL_STR && prefixes < PREFIXES_MAX) {
        prefix_from(item, count, end_of_prefix(prefixes));
        sort_prefixed(item, spare, count, prefixes + 1);
    } else {
        qsort(item, count, sizeof *item, compare_items);
    }
}

/* The depth is PREFIXES_MAX at most, whatever the keys. */
static void sort_prefixed(struct sl_sort_item *item, struct sl_sort_item *spare, size_t count,
                          unsigned prefixes)
{
    if (count < RADIX_MIN) {
        qsort(item, count, sizeof *item, compare_prefixed);
        return;
    }
    radix_sort(item, spare, count);
    fetch_alike(item, count, end_of_prefix(prefixes));
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && item[end].prefix == item[i].prefix; end++)
            continue;
        if (end - i > 1)
            sort_alike(item + i, spare + i, end - i, prefixes);
    }
}

void sl_sort_items(struct sl_sort_item *item, struct sl_sort_item *spare, size_t count)
{
    sort_prefixed(item, spare, count, 1);
}
