/* A disk that is full in the middle of a batch (SL_EFULL from any step before the commit), or a server that does not
 * answer (SL_EUNREACHABLE).
 *
 * A long run takes the batch back, says once what is full, waits, and does the same plan again until there is
 * room. Trying is the only way to know: the disk may be that of an output, the limit a quota. Runs that are
 * to end by themselves (--once, --available-now, the virtual clock) fail instead, unless what was lost is a connection to a
 * server: then they, too, do the plan again for as long as the output permits (redo_ms of the error). Runs without a
 * checkpoint fail, as they have nothing to go back to. A failed sync is never waited for (core/base/io.h). */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>

struct sl_batch;

/* The waiting of one batch; begins as {0}. */
struct sl_disk_full {
    bool is_waiting;  /* it was said */
    int64_t begin_ns; /* when it failed first */
    int wait_ms;      /* the last time */
};

/* After a step that failed with SL_EFULL or SL_EUNREACHABLE, which err tells. 1: its batch may be stepped again, from where it
 * then stands. SL_ESTOP: the run was asked to end. Another failure: that of the run. */
int sl_disk_full_wait(struct sl_disk_full *room, struct sl_batch *batch, struct sl_error *err);

/* The batch is done. */
void sl_disk_full_done(const struct sl_disk_full *room, const struct sl_batch *batch);
