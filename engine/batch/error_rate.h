/* maxErrorRate. For files: a file most of whose records fail is quarantined whole, and its batch continues without
 * it, so that a file of junk does not end the run. Where that happens to most files of a batch, or to all files
 * of one batch after another, the job is wrong and not the files: then the batch fails. Operators after a shuffle are
 * judged once all have run. */
#pragma once

#include "engine/batch/batch.h"

enum {
    SL_ERROR_RATE_RECORDS_MIN = 100, /* of a file, or of an operator after a shuffle */
    SL_ERROR_RATE_FILES_MIN = 3,     /* quarantined files of one batch */
    SL_ERROR_RATE_BATCHES = 3,       /* in a row, all of whose files were quarantined */
};

/* All sources were read: quarantines the files that failed too often; sl_quarantine_redo reports them. */
int sl_error_rate_files(struct sl_batch *batch, struct sl_error *err);

/* All sources were read for good. SL_EFAIL where it is the job; else sets batch->spoilt. */
int sl_error_rate_batch(struct sl_batch *batch, struct sl_error *err);

/* SL_EFAIL where an operator failed on more than `rate` of at least 100 records; rows[node] went in, or came
 * out of a source. */
int sl_error_rate_operators(struct sl_rejects *rejects, const uint64_t *rows, double rate,
                            struct sl_error *err);
