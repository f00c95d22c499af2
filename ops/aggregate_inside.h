/* The aggregate's inside, shared by aggregate*.c and nobody else. */
#pragma once

#include "ops/aggregate.h"

struct sl_aggregate_lane {
    struct sl_position position;
    uint32_t number;       /* index in aggregate->lane while rows are pushed */
    bool closed;           /* its rows are all there */
    struct sl_table table; /* of reducers that are not exact */
    uint32_t runs;         /* of it on disk; once there is one, the table keeps lists of values */
};

/* A run of groups on disk has rows (key, lane and kind, state). The kind is in the lower bits of the second
 * field; the others are the number of the lane that saw the key first (reducers that are exact), or whose
 * group it is. */
enum sl_run_kind { SL_RUN_STATE, SL_RUN_EMPTY, SL_RUN_FAILED, SL_RUN_VALUES, SL_RUN_KIND_BITS = 2 };

/* aggregate_spill.c. Room for `more` groups: where the table would hold too much, it goes to disk. */
int sl_aggregate_make_room(struct sl_aggregate *aggregate, struct sl_task *task,
                           struct sl_aggregate_lane *lane, struct sl_table *table, size_t more);
/* The table's groups become a run, and its memory is given back. */
int sl_aggregate_spill_table(struct sl_aggregate *aggregate, struct sl_task *task,
                             struct sl_aggregate_lane *lane, struct sl_table *table);
/* A lane that ends: whether it has to go to disk. */
bool sl_aggregate_must_spill(struct sl_aggregate *aggregate, const struct sl_aggregate_lane *lane);

/* Brings `from` into `to`, which holds the same key from an earlier table. Group errors go to the sink. */
int sl_aggregate_combine_groups(struct sl_aggregate *aggregate, struct sl_task *task, struct sl_arena *keep,
                                struct sl_group *to, const struct sl_group *from);
