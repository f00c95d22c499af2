/* A run without checkpoint, outputs and mount: it is given files, its outputs only collect. For `sluice try` and tests
 * of jobs.
 *
 * Fill a struct sl_dry_run, then sl_dry_run_run: batch k = 1, 2, ... is at first_ms + (k - 1) * interval, and
 * after each (also those that had nothing to do) seen() may look at it. The context is used up. */
#pragma once

#include "engine/batch/batch.h"
#include "engine/batch/observer.h"
#include "engine/trial/fed_files.h"

struct sl_dry_run {
    struct sl_fed_files given;
    struct sl_observer *observer; /* may be NULL */
    size_t batches;               /* to run; afterwards how many ran */
    bool finishes;                /* event time ends after them, in one or more batches of their own */
    int64_t first_ms;
    /* The batch is done; batch->stage of outputs may be NULL. 0, or a failure. */
    int (*seen)(struct sl_dry_run *trial, struct sl_batch *batch, struct sl_error *err);
    const struct sl_op **output_op; /* [nodes]: the output at the node; NULL: none */
};

/* 0, or what failed; SL_EUSAGE: the graph cannot run. */
int sl_dry_run_run(struct sl_context *context, struct sl_dry_run *trial, struct sl_error *err);

/* What output `node` got in the batch, borrowed; NULL: it had nothing to say. */
const struct sl_dataset *sl_dry_run_dataset(const struct sl_batch *batch, const struct sl_node *node);

/* For engine/run/start.c. One worker: rows come in order. Errors are part of the result. */
void sl_dry_run_set_options(struct sl_options *options);
/* Puts collectors in the place of the outputs; sl_dry_run_close gives them back, after a failed open, too. */
int sl_dry_run_open(struct sl_run *run, struct sl_error *err);
void sl_dry_run_close(struct sl_context *context, struct sl_dry_run *trial);
/* The batches, in place of a schedule. */
int sl_dry_run_schedule(struct sl_run *run, struct sl_error *err);
