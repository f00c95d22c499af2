/* Rows to be sorted, packed: a key as a field, then the row in as few bytes as it takes. Part of ops/sort/sorting.
 *
 * Strings of the key, where it is a part of the row, and of rows that are read again are slices of the record. */
#pragma once

#include "ops/key/sort_keys.h"
#include "ops/sort/sorting.h"

struct sl_sort_record {
    struct sl_field key; /* first: what sorting is by */
    uint8_t width;
    uint8_t bytes[];
};

/* Records, whose sizes are multiples of eight, and what they point to beside them: lists and maps. */
struct sl_sort_memory {
    struct sl_arena records, rest;
};

static inline const struct sl_sort_record *sl_sort_record_of(const struct sl_sort_item *item)
{
    return (const struct sl_sort_record *)(const void *)item->key;
}

/* NULL: out of memory. */
const struct sl_sort_record *sl_sort_record_new(struct sl_sort_memory *memory, enum sl_sort_by by,
                                                const struct sl_field *key, const struct sl_field *fields,
                                                uint32_t width);
/* fields[record->width], which borrow the record. */
void sl_sort_record_read(const struct sl_sort_record *record, struct sl_field *fields);

SL_FETCH sl_sort_record_prefetch(const struct sl_sort_item *item)
{
    __builtin_prefetch(item->key);
    __builtin_prefetch((const char *)item->key + 64);
}
