/* Windows and state over restarts: which operator is which, saving what a batch changed, loading it at a
 * start. */
#pragma once

#include "engine/batch/batch.h"

/* Opens the segments that the catalog lists and gives every operator its own, by the keys of
 * engine/batch/state_keys. SL_EUSAGE: state would be dropped and the options do not accept it; the
 * text lists it. */
int sl_checkpoint_state_open(struct sl_run *run, const struct sl_progress *progress, struct sl_error *err);
void sl_checkpoint_state_close(struct sl_run *run);

/* Takes back what a batch that failed has changed: the memory of every operator is once more what the newest
 * committed batch left, and so is the list of segments. No stage may be under way. */
int sl_checkpoint_state_take_back(struct sl_run *run, struct sl_error *err);

/* A step of commit.c: what the batch changed is durable under a name that nothing refers to yet. */
int sl_checkpoint_state_save(struct sl_batch *batch, struct sl_error *err);
