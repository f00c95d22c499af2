/* A radix sort by prefix. Strings whose prefixes are equal get the eight bytes after them as a new prefix
 * and are sorted again, a few times: texts often begin alike, and comparing them costs two misses of the
 * cache each time. What is equal after that, few or no strings, is merged by comparison. Keys that their prefix
 * tells all of (short strings, numbers of few digits) are never looked at. */
#include "ops/key/sort_keys.h"

#include <math.h>
#include <string.h>

/* Sixty bits of the number in the order of numbers, and one that says whether they are all of it. Of numbers that share
 * the sixty, the one that has no more bits is the smallest above zero and the largest below. */
static uint64_t number_prefix(double number)
{
    const uint64_t top = (uint64_t)1 << 63;
    uint64_t bits;
    number += 0.0; /* -0.0 equals 0 */
    memcpy(&bits, &number, sizeof bits);
    if (isnan(number))
        return UINT64_MAX >> 3;
    bool is_exact = fabs(number) < (double)((uint64_t)1 << 53) && (bits & 15) == 0, is_negative = bits >> 63;
    return (is_negative ? ~bits : bits | top) >> 4 << 1 | (is_exact == is_negative);
}

/* The other way round. */
static bool is_exact_number(uint64_t prefix)
{
    bool is_negative = !(prefix >> 60 & 1);
    return (prefix & 1) == is_negative;
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

/* Seven bytes, then the length of a string that has no more, or eight and half of the next byte. */
static uint64_t short_prefix(const struct sl_field *key)
{
    uint64_t bits = string_prefix(key), tail = key->len < 8 ? key->len : 8 + (bits >> 4 & 15);
    return bits >> 8 << 5 | tail;
}

uint64_t sl_key_prefix(const struct sl_field *key)
{
    uint64_t kind = (uint64_t)(key->tag == SL_FLOAT ? SL_INT : key->tag) << 61;
    switch ((enum sl_tag)key->tag) {
    case SL_NIL:
    case SL_LIST:
    case SL_MAP:
        break;
    case SL_BOOL:
        return kind | key->boolean;
    case SL_INT:
        return kind | number_prefix((double)key->integer);
    case SL_FLOAT:
        return kind | number_prefix(key->number);
    case SL_STR:
        return kind | short_prefix(key);
    }
    return kind;
}

/* Whether the prefix tells all of the key: others with it are equal. */
static bool is_whole(uint64_t prefix)
{
    switch ((enum sl_tag)(prefix >> 61)) {
    case SL_NIL:
    case SL_BOOL:
        return true;
    case SL_INT:
    case SL_FLOAT:
        return is_exact_number(prefix);
    case SL_STR:
        return (prefix & 31) < 8;
    case SL_LIST:
    case SL_MAP:
        break;
    }
    return false;
}

typedef bool less_fn(const struct sl_sort_item *a, const struct sl_sort_item *b);

static bool is_less(const struct sl_sort_item *a, const struct sl_sort_item *b)
{
    return sl_field_compare(a->key, b->key) < 0;
}

/* With prefixes of later bytes, which tell nothing of what follows them. */
static bool is_less_prefixed(const struct sl_sort_item *a, const struct sl_sort_item *b)
{
    return a->prefix != b->prefix ? a->prefix < b->prefix : is_less(a, b);
}

int sl_sort_item_compare(const struct sl_sort_item *a, const struct sl_sort_item *b)
{
    if (a->prefix != b->prefix)
        return a->prefix < b->prefix ? -1 : 1;
    return is_whole(a->prefix) ? 0 : sl_field_compare(a->key, b->key);
}

static bool is_less_first(const struct sl_sort_item *a, const struct sl_sort_item *b)
{
    return sl_sort_item_compare(a, b) < 0;
}

/* ---- few items, and what no prefix tells apart: a merge sort ---- */

enum { INSERTED = 8 };

static void insert_sort(struct sl_sort_item *item, size_t count, less_fn *less)
{
    for (size_t i = 1; i < count; i++) {
        struct sl_sort_item moved = item[i];
        size_t k = i;
        for (; k > 0 && less(&moved, &item[k - 1]); k--)
            item[k] = item[k - 1];
        item[k] = moved;
    }
}

static void merge_two(const struct sl_sort_item *left, size_t lefts, const struct sl_sort_item *right,
                      size_t rights, struct sl_sort_item *to, less_fn *less)
{
    while (lefts && rights) {
        bool is_right = less(right, left);
        *to++ = is_right ? *right++ : *left++;
        lefts -= !is_right;
        rights -= is_right;
    }
    memcpy(to, lefts ? left : right, (lefts + rights) * sizeof *to);
}

static void merge_sort(struct sl_sort_item *item, struct sl_sort_item *spare, size_t count, less_fn *less)
{
    struct sl_sort_item *from = item, *to = spare, *swap;
    for (size_t i = 0; i < count; i += INSERTED)
        insert_sort(item + i, count - i < INSERTED ? count - i : INSERTED, less);
    for (size_t width = INSERTED; width < count; width *= 2) {
        for (size_t i = 0; i < count; i += 2 * width) {
            size_t left = count - i < width ? count - i : width;
            size_t right = count - i - left < width ? count - i - left : width;
            merge_two(from + i, left, from + i + left, right, to + i, less);
        }
        swap = from;
        from = to;
        to = swap;
    }
    if (from != item)
        memcpy(item, from, count * sizeof *item);
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

/* Eight bytes of a string from `at` on; what is after its end counts as zero. */
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

static bool is_alike(const struct sl_sort_item *item, size_t i, size_t count, bool first)
{
    if (i < count && first && is_whole(item[i].prefix))
        return false;
    return (i > 0 && i < count && item[i].prefix == item[i - 1].prefix) ||
           (i + 1 < count && item[i].prefix == item[i + 1].prefix);
}

/* Of a string's bytes: what its prefix number `prefixes` ends before. */
static uint32_t end_of_prefix(unsigned prefixes)
{
    return FIRST_BYTES + 8 * (prefixes - 1);
}

/* What the next prefix of strings with equal ones is made of; runs of them are too short to fetch ahead
 * there. */
SL_FETCH fetch_alike(const struct sl_sort_item *item, size_t count, unsigned prefixes)
{
    uint32_t at = end_of_prefix(prefixes);
    for (size_t i = 0; i < count + SL_KEYS_AHEAD; i++) {
        if (is_alike(item, i, count, prefixes == 1))
            fetch_key(item, i, count);
        if (i >= SL_KEYS_AHEAD && is_alike(item, i - SL_KEYS_AHEAD, count, prefixes == 1))
            fetch_bytes(item, i - SL_KEYS_AHEAD, count, at);
    }
}

static void sort_prefixed(struct sl_sort_item *item, struct sl_sort_item *spare, size_t count,
                          unsigned prefixes);

/* Keys with one prefix, the one numbered `prefixes`. */
static void sort_alike(struct sl_sort_item *item, struct sl_sort_item *spare, size_t count, unsigned prefixes)
{
    if (prefixes == 1 && is_whole(item->prefix))
        return;
    if (item->key->tag == SL_STR && prefixes < PREFIXES_MAX) {
        prefix_from(item, count, end_of_prefix(prefixes));
        sort_prefixed(item, spare, count, prefixes + 1);
    } else {
        merge_sort(item, spare, count, is_less);
    }
}

/* The depth is PREFIXES_MAX at most, whatever the keys. */
static void sort_prefixed(struct sl_sort_item *item, struct sl_sort_item *spare, size_t count,
                          unsigned prefixes)
{
    if (count < RADIX_MIN) {
        merge_sort(item, spare, count, prefixes == 1 ? is_less_first : is_less_prefixed);
        return;
    }
    radix_sort(item, spare, count);
    fetch_alike(item, count, prefixes);
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
