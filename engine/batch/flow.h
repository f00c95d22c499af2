/* Rows in motion: one task pushes one partition of a root, or a piece of it, through all that
 * hangs below it. */
#pragma once

#include "engine/batch/run.h"

struct sl_flow {
    struct sl_run *run;
    const struct sl_root *root;
    struct sl_stage *const *stage; /* [nodes]; NULL: the sink takes no part in this batch */
    _Atomic uint64_t *rows;        /* [nodes]: records that went in; of a source: that came out */
    _Atomic uint64_t *rows_out;    /* [nodes]: records that narrow operators gave */
};

/* What a task is about. */
struct sl_flow_place {
    size_t number; /* of the task in the root's order */
    uint32_t partition, piece;
    const struct sl_node *aim; /* rows go only down the branch to this operator; NULL: everywhere */
};

/* Where the rows of a task come from: pushes those of task `number` into `out`. */
typedef int sl_flow_feed(void *arg, size_t number, struct sl_task *task, struct sl_outlet *out);

/* Runs a task on worker `worker`: opens lanes and operators, feeds, closes. */
int sl_flow_task(const struct sl_flow *flow, const struct sl_flow_place *place, unsigned worker,
                 sl_flow_feed *feed, void *arg, struct sl_error *err);

/* Whether partitions may be cut into pieces: all that takes part below the root can do with them. */
bool sl_flow_takes_pieces(const struct sl_flow *flow);

/* Whether the pipe or anything below it takes part in this batch. */
bool sl_flow_wants(const struct sl_flow *flow, const struct sl_pipe *pipe);
/* Whether anything below the root takes part in this batch. */
bool sl_flow_is_wanted(const struct sl_flow *flow);
