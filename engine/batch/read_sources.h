/* The rows of a batch's sources on their way through narrow operators into lanes. */
#pragma once

#include "engine/batch/batch.h"

/* Reads what all sources of the batch have, into batch->lines, too. 0, or the failure of the first partition of the first
 * source that failed. */
int sl_batch_read_sources(struct sl_batch *batch, struct sl_error *err);
