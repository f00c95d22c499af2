/* Two streams met by key: the kernel of joins, cogroup, subtractByKey and intersection.
 *
 * Each side is aggregated for itself, then the two sorted runs are merged: `meet` is called once for each key
 * of either side, in the order of the keys, and puts the rows that come of it. The stage's state is a struct
 * sl_cogroup. */
#pragma once

#include "ops/cogroup/cogroup_key.h"
#include "ops/group/aggregate.h"

/* What an operator makes of two sides. */
struct sl_cogroup_kind {
    const struct sl_reducer *reducer[2]; /* sl_reducer_list; sl_reducer_nothing: the values do not matter */
    enum sl_key_of key_of;
    bool shows_lists; /* meet needs the values of a key in memory: a row has all of them */
    int (*meet)(struct sl_cogroup_key *meeting);
};

struct sl_cogroup {
    const struct sl_cogroup_kind *kind;
    struct sl_aggregate side[2]; /* by the number of the input: left, right */
    struct sl_row_buffers piles; /* of rows that come out */
};

/* In begin. */
int sl_cogroup_begin(struct sl_stage *stage, const struct sl_cogroup_kind *kind);

/* Fit into struct sl_wide as they are. Parameter 1 of the operator is numPartitions. */
int sl_cogroup_lane_open(struct sl_stage *stage, struct sl_lane *lane);
int sl_cogroup_lane_close(struct sl_stage *stage, struct sl_lane *lane);
int sl_cogroup_push(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in);
int sl_cogroup_finish(struct sl_stage *stage, struct sl_dataset **ret);
void sl_cogroup_done(struct sl_stage *stage);

/* The two sides and the rows that come of them. */
enum { SL_COGROUP_SHARES = 3 };

/* For descriptors: all of struct sl_wide but begin. */
#define SL_COGROUP_WIDE(begin_)                                                                              \
    {                                                                                                        \
        .state_size = sizeof(struct sl_cogroup), .begin = (begin_), .lane_open = sl_cogroup_lane_open,       \
        .lane_close = sl_cogroup_lane_close, .push = sl_cogroup_push, .finish = sl_cogroup_finish,           \
        .done = sl_cogroup_done, .bounded = SL_COGROUP_SHARES                                                \
    }
