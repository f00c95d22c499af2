/* How much room dead letters take: SL_DEADLETTER_BATCH_BYTES_MAX a batch, SL_DEADLETTER_BYTES_MAX in all, and no
 * longer than keepHistory. A dropper of small files that unpack to large records must not fill the disk of the
 * checkpoint. What is removed is the oldest, counted in status.json and logged. */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct sl_batch;

/* What is known of <checkpoint>/deadletter. */
struct sl_deadletters {
    bool is_known;
    uint64_t bytes;    /* of all its files */
    int64_t oldest_ms; /* the batch of the oldest file; INT64_MAX: there is none */
    uint64_t removed;  /* files, in this run */
};

/* The batch has written `bytes` of dead letters, or none. */
void sl_deadletter_limit_added(struct sl_batch *batch, uint64_t bytes);

/* A step of commit.c, after the commit: removes what is too old or too much. What fails is logged. */
int sl_deadletter_limit(struct sl_batch *batch, struct sl_error *err);
