/* Sorting by key. Every key gets a 64-bit prefix that never contradicts the order: three bits for the kind,
 * then the first bytes of a string or the rounded value of a number. Sorting is stable. */
#pragma once

#include "core/base/fetch.h"
#include "core/rows/field.h"

struct sl_sort_item {
    uint64_t prefix;
    const struct sl_field *key; /* in whatever is sorted */
};

uint64_t sl_key_prefix(const struct sl_field *key);

/* Sorted keys are anywhere in memory: those that are written next are fetched ahead, first the key, then its bytes. */
enum { SL_KEYS_AHEAD = 16 };
SL_FETCH sl_key_prefetch_bytes(const struct sl_field *key)
{
    if (key->tag == SL_STR)
        __builtin_prefetch(key->str);
}

/* <0, 0, >0 by prefix, which is looked at first, and key. */
int sl_sort_item_compare(const struct sl_sort_item *a, const struct sl_sort_item *b);

/* The prefixes of all keys, which are fetched from memory ahead. */
void sl_sort_items_prefix(struct sl_sort_item *item, size_t count);

/* Sorts item[count] by prefix and key, equal keys in the order in which they are, with spare[count] as a helper; the result
 * is in item. Prefixes change on the way. */
void sl_sort_items(struct sl_sort_item *item, struct sl_sort_item *spare, size_t count);
