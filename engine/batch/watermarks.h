/* The watermarks of a batch: how far event time has come for each stream, as earlier batches left it. Decided with
 * the batch's inputs, part of its plan, and the same when it is redone. */
#pragma once

#include "engine/batch/batch.h"

/* Fills batch->watermark. With batch->finishes: the end of time. */
void sl_watermarks_find(struct sl_batch *batch);
/* Whether a batch at t would have something to do although nothing arrived, by the watermark; of a stream of a longer
 * slide, one at the next time of that stream. */
bool sl_watermarks_due(struct sl_run *run, int64_t t);
/* The batch time from t on that can end watermarks that are open: windows of batch time before them have given once what
 * came until `last_ms`, and the slowest has a batch then; others of another slide may stay open. SL_NO_TIME: no output
 * uses one that is open. */
int64_t sl_watermarks_end(const struct sl_run *run, int64_t last_ms, int64_t t);
/* The first time after t at which a stream with event times and a longer slide than the job's interval has a batch; INT64_MAX:
 * there is none. */
int64_t sl_watermarks_slide(const struct sl_run *run, int64_t t);
/* Writes them down in the batch's plan; takes those of a plan that an earlier process made. 0 or SL_ENOMEM. */
int sl_watermarks_plan(struct sl_batch *batch);
void sl_watermarks_resume(struct sl_batch *batch);
