/* Who runs the rows of a batch elsewhere than on this process's workers: passes over sources, and the end of operators
 * whose rows came from them. The batch stays the same object: what is planned, committed and shown is decided here.
 *
 *     open       once, when the run is open
 *     begin      the rows of a batch begin, or begin anew: stages are begun, nothing was read. What came of an earlier
 *                begin is forgotten
 *     takes      whether the pass over source s is done there in this batch
 *     read       does it: as if the rows had been pushed here. batch->lines[s] and partitions are set
 *     finishes   whether the operator's result is made there in this batch
 *     finish     makes it: as wide->finish does
 *     end        the rows of the batch are done, or given up
 *
 * Main thread only. A run without one does all of it itself. */
#pragma once

#include "engine/batch/batch.h"

struct sl_executor;

struct sl_executor_ops {
    int (*open)(struct sl_executor *executor, struct sl_run *run, struct sl_error *err);
    int (*begin)(struct sl_executor *executor, struct sl_batch *batch, struct sl_error *err);
    bool (*takes)(struct sl_executor *executor, size_t s);
    int (*read)(struct sl_executor *executor, struct sl_batch *batch, size_t s, struct sl_error *err);
    bool (*finishes)(struct sl_executor *executor, const struct sl_node *node);
    int (*finish)(struct sl_executor *executor, struct sl_batch *batch, const struct sl_node *node,
                  struct sl_dataset **ret, struct sl_error *err);
    void (*end)(struct sl_executor *executor, struct sl_batch *batch);
    void (*close)(struct sl_executor *executor);
};

struct sl_executor {
    const struct sl_executor_ops *ops;
};
