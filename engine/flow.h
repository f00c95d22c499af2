/* Rows in motion: one task pushes one partition of a root through all that hangs below it. */
#pragma once

#include "engine/run.h"

struct sl_flow {
    struct sl_run *run;
    const struct sl_root *root;
    struct sl_stage *const *stage; /* [nodes]; NULL: the sink takes no part in this batch */
    _Atomic uint64_t *rows;        /* [nodes]: records that went in; of a source: that came out */
};

/* Where the rows of a task come from: pushes partition p into `out`. */
typedef int sl_flow_feed(void *arg, size_t partition, struct sl_task *task, struct sl_outlet *out);

/* Runs task `partition` on worker `worker`: opens lanes and operators, feeds, closes. */
int sl_flow_task(const struct sl_flow *flow, size_t partition, unsigned worker, sl_flow_feed *feed, void *arg,
                 struct sl_error *err);

/* Whether the pipe or anything below it takes part in this batch. */
bool sl_flow_wants(const struct sl_flow *flow, const struct sl_pipe *pipe);
/* Whether anything below the root takes part in this batch. */
bool sl_flow_is_wanted(const struct sl_flow *flow);
