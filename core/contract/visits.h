/* Which nodes a walk towards the sources has visited. Streams may be used many times, so that the ways to a node double with
 * each level (s = s:union(s):distinct()): a walk that looks at each node once takes time and text by nodes, not by ways.
 * Begins as {0}. */
#pragma once

#include "core/base/limits.h"
#include "core/contract/operator.h"

struct sl_visits {
    unsigned count;
    uint16_t position[SL_NODES_MAX]; /* of each node, from 1 in the order of first visits; 0: not visited */
};

/* 0 at the first visit of the node; later its position. */
static inline unsigned sl_visit(struct sl_visits *visits, const struct sl_node *node)
{
    unsigned before = visits->position[node->number];
    if (!before)
        visits->position[node->number] = (uint16_t)++visits->count;
    return before;
}
