/* The aggregate's inside, shared by aggregate.c and aggregate_fold.c and nobody else. */
#pragma once

#include "ops/aggregate.h"

struct sl_aggregate_lane {
    struct sl_position position;
    uint32_t number;       /* index in aggregate->lane while rows are pushed */
    bool closed;           /* its rows are all there */
    struct sl_table table; /* of reducers that are not exact */
};

/* Brings `from` into `to`, which holds the same key from an earlier table. Group errors go to the sink. */
int sl_aggregate_combine_groups(struct sl_aggregate *aggregate, struct sl_task *task, struct sl_arena *keep,
                                struct sl_group *to, const struct sl_group *from);
