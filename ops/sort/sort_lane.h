/* What a worker keeps of the rows that are to be sorted: part of ops/sort/sorting.
 *
 * Where only the first rows of the result are wanted, a lane keeps no more than it must: it sorts what it has
 * whenever that is twice what is wanted, and copies those that stay into fresh memory. So memory is bounded,
 * and a row costs a comparison and its share of a sort. Rows that stay are then in the order of the result,
 * which keeps equal keys in input order. */
#pragma once

#include "ops/sort/sort_record.h"

struct sl_sort_lane {
    struct sl_lane_head head; /* first */
    struct sl_sort_memory memory;
    struct sl_sort_item *item; /* of records, in input order */
    size_t count, capacity;
    uint32_t runs; /* of it on disk */
    bool pruned;   /* the first rows_max items are the best of all that came before */
};

struct sl_sort_lane *sl_sort_lane_new(void);
void sl_sort_lane_free(struct sl_sort_lane *lane);
size_t sl_sort_lane_bytes(const struct sl_sort_lane *lane);

/* Copies key and record, unless they cannot be wanted any more. 0 or SL_ENOMEM. */
int sl_sort_lane_add(const struct sl_sorting *sorting, struct sl_sort_lane *lane, const struct sl_field *key,
                     const struct sl_field *fields, uint32_t width);
/* Whether it is certain that the row is not wanted, without its key: of the first rows_max by a function that can tell. */
bool sl_sort_lane_is_too_late(const struct sl_sorting *sorting, const struct sl_sort_lane *lane,
                              const struct sl_field *fields, uint32_t width);
/* No more rows come: what the result cannot have is given back. 0 or SL_ENOMEM. */
int sl_sort_lane_end(const struct sl_sorting *sorting, struct sl_sort_lane *lane);

/* Puts the items into the order in which a stable ascending sort gives what is read from its end where the result is
 * descending: backwards. */
void sl_sort_lane_turn(struct sl_sort_lane *lane);
/* All items in the order of the result. 0 or SL_ENOMEM. */
int sl_sort_lane_sort(const struct sl_sorting *sorting, struct sl_sort_lane *lane);
