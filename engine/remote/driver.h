/* The executor (engine/batch/executor.h) that has its tasks run by others: it asks its peer for stages and gets reports
 * (engine/remote/peer.h). What is read, combined and shown is the same as if its own workers had done it, whichever
 * attempts succeeded, in whichever order.
 *
 * Reports of a map stage are taken in in the order of its tasks: what they have for operators that are finished here is
 * pushed there, lane by lane; what they have for reduce stages stays where the tasks ran, and is named in the tasks of
 * those. Stages of a batch are dropped at its end. */
#pragma once

#include "engine/remote/peer.h"

struct sl_executor;

/* Where functions of keyed state, and those that combine the batches of short windows, are called. Results are the same. */
enum sl_state_place {
    SL_STATE_AUTO,   /* on the driver, until a batch shows that they cost more than tasks do */
    SL_STATE_DRIVER, /* on the driver */
    SL_STATE_TASKS,  /* in tasks, where there is a directory for results */
};

/* cores: that tasks run on; a few map tasks are made for each. partitions: tasks of a reduce stage. exchange: a directory for results that all machines see, which is emptied; NULL:
 * all results travel in reports. Borrows the text. NULL: out of memory. */
struct sl_executor *sl_remote_driver_new(const struct sl_peer *peer, int64_t cores, int64_t partitions,
                                         const char *exchange, enum sl_state_place state_place);
/* After the run; NULL is fine. */
void sl_remote_driver_free(struct sl_executor *executor);
