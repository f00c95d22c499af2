/* The lanes of a wide operator or output, each with what the operator keeps of it.
 *
 * Lanes are registered when they open, not when they close: after a failure they are not closed, and done()
 * must find what they hold. What is kept begins with a struct sl_lane_head; it belongs to the operator, which
 * frees it before sl_lanes_done. */
#pragma once

#include "core/contract/operator.h"

#include <pthread.h>

struct sl_lane_head {
    struct sl_position position;
};

struct sl_lanes {
    bool ready; /* the lock is initialised */
    pthread_mutex_t lock;
    struct sl_lane_head **head; /* guarded by lock while lanes open, and so are the next two */
    size_t count, capacity;
};

void sl_lanes_init(struct sl_lanes *lanes);
void sl_lanes_done(struct sl_lanes *lanes);

/* In lane_open: lane->state becomes `head`, which must be on the heap. 0 or SL_ENOMEM. */
int sl_lanes_add(struct sl_lanes *lanes, struct sl_lane *lane, struct sl_lane_head *head);

/* After the last lane: heads in the order of their positions. */
void sl_lanes_sort(struct sl_lanes *lanes);

/* Whether two lanes are pieces of one partition. */
bool sl_lanes_same_partition(const struct sl_lane_head *a, const struct sl_lane_head *b);
