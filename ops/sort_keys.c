/* A radix sort by prefix; runs of equal prefixes by comparison. */
#include "ops/sort_keys.h"

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

bool sl_sort_item_less(const struct sl_sort_item *a, const struct sl_sort_item *b)
{
    return a->prefix != b->prefix ? a->prefix < b->prefix : compare_items(a, b) < 0;
}

enum { RADIX_MIN = 64 };

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

void sl_sort_items(struct sl_sort_item *item, struct sl_sort_item *spare, size_t count)
{
    struct sl_sort_item *from = item, *to = spare;
    for (unsigned shift = 0; count >= RADIX_MIN && shift < 64; shift += 8)
        if (radix_pass(from, to, count, shift)) {
            struct sl_sort_item *swap = from;
            from = to;
            to = swap;
        }
    if (from != item)
        memcpy(item, from, count * sizeof *item);
    if (count < RADIX_MIN) {
        qsort(item, count, sizeof *item, compare_items);
        return;
    }
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && item[end].prefix == item[i].prefix; end++)
            continue;
        if (end - i > 1)
            qsort(item + i, end - i, sizeof *item, compare_items);
    }
}
