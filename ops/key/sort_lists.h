/* Sorting keys on all workers: lists of items become one sequence.
 *
 * Nothing in it is serial that grows with the keys. A sample says where to cut the order into buckets of
 * about BUCKET_ITEMS; the items of every list are dealt to the buckets, list by list; then every bucket is
 * sorted on its own and handed to the callback, on the worker that sorted it. */
#pragma once

#include "core/contract/operator.h"
#include "ops/key/sort_keys.h"

struct sl_sort_list {
    struct sl_sort_item *item; /* [count]; prefixes need not be there and change */
    size_t count;
    struct sl_sort_item *
        *owner; /* optional: where the items are from malloc; freed and set to NULL once they are dealt */
};

/* Items [at, at + count) of the result. Called from several workers at once, for other items each. */
typedef void sl_sort_place(void *arg, size_t at, const struct sl_sort_item *item, size_t count);

/* Equal keys are in the order of lists and of the items in each. 0 or SL_ENOMEM; then some or nothing was placed. */
int sl_sort_lists(struct sl_stage *stage, const struct sl_sort_list *list, size_t lists, sl_sort_place *place,
                  void *arg);
