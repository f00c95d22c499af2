/* What a worker keeps of the rows that are to be sorted: part of ops/sort/sorting.
 *
 * Where only the first rows of the result are wanted, a lane keeps no more than it must: it sorts what it has
 * whenever that is twice what is wanted, and copies those that stay into fresh memory. So memory is bounded,
 * and a row costs a comparison and its share of a sort. Rows that stay are then in the order of the result,
 * which keeps equal keys in input order. */
#pragma once

#include "ops/key/sorted_groups.h"
#include "ops/sort/sorting.h"

/* What an entry's state points to. */
struct sl_sort_record {
    uint32_t width;
    struct sl_field field[];
};

struct sl_sort_lane {
    struct sl_lane_head head; /* first */
    struct sl_arena arena;    /* keys and records */
    struct sl_group_entry *entry;
    size_t count, capacity;
    uint32_t runs; /* of it on disk */
    bool pruned;   /* the first rows_max entries are the best of all that came before */
};

struct sl_sort_lane *sl_sort_lane_new(void);
void sl_sort_lane_free(struct sl_sort_lane *lane);

/* Copies key and record, unless they cannot be wanted any more. 0 or SL_ENOMEM. */
int sl_sort_lane_add(const struct sl_sorting *sorting, struct sl_sort_lane *lane, const struct sl_field *key,
                     const struct sl_field *fields, uint32_t width);
/* No more rows come: what the result cannot have is given back. 0 or SL_ENOMEM. */
int sl_sort_lane_end(const struct sl_sorting *sorting, struct sl_sort_lane *lane);
