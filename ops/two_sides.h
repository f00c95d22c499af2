/* Two streams met by key: the kernel of joins, cogroup, subtractByKey and intersection.
 *
 * Each side is aggregated for itself, then the two sorted runs are merged: `meet` is called once for each key
 * of either side, in the order of the keys, and appends the rows that come of it. The stage's state is a
 * struct sl_two_sides. */
#pragma once

#include "ops/aggregate.h"

struct sl_two_sides {
    struct sl_aggregate side[2]; /* by the number of the input: left, right */
};

/* In begin. */
int sl_two_sides_begin(struct sl_stage *stage, const struct sl_reducer *left, const struct sl_reducer *right,
                       enum sl_key_of key_of);

/* Fit into struct sl_wide as they are. */
int sl_two_sides_lane_open(struct sl_stage *stage, struct sl_lane *lane);
int sl_two_sides_lane_close(struct sl_stage *stage, struct sl_lane *lane);
int sl_two_sides_push(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in);
void sl_two_sides_done(struct sl_stage *stage);

/* Appends rows to `rows`; what keys and states point to lives as long as they do. `left` or `right` is NULL
 * where that side has not got the key. 0 or SL_ENOMEM. */
typedef int sl_meet(struct sl_rows *rows, const struct sl_entry *left, const struct sl_entry *right);

/* Parameter 1 of the operator is numPartitions. */
int sl_two_sides_finish(struct sl_stage *stage, sl_meet *meet, struct sl_dataset **ret);

/* The key as a field: the one seen first, left before right. */
struct sl_field sl_meeting_key(const struct sl_entry *left, const struct sl_entry *right);

/* For descriptors: all of struct sl_wide but begin and finish, and the parameters. */
#define SL_TWO_SIDES_WIDE(begin_, finish_)                                                                   \
    {                                                                                                        \
        .state_size = sizeof(struct sl_two_sides), .begin = (begin_), .lane_open = sl_two_sides_lane_open,   \
        .lane_close = sl_two_sides_lane_close, .push = sl_two_sides_push, .finish = (finish_),               \
        .done = sl_two_sides_done                                                                            \
    }
