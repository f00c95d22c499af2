/* Counters of functions on their way between processes: engine/batch/counters.h. */
#pragma once

#include "engine/batch/run.h"
#include "engine/remote/wire.h"

/* Appends what the first worker has counted in the batch. */
void sl_counts_put(struct sl_buf *buf, struct sl_run *run);
/* Adds it to what the first worker has counted here. 0 or SL_ENOMEM. */
int sl_counts_take(struct sl_wire *wire, struct sl_run *run);
