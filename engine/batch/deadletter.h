/* Dead letters of a batch: <checkpoint>/deadletter/<t>.jsonl, and its late records: <checkpoint>/late/<t>.jsonl; log
 * lines without a checkpoint. */
#pragma once

#include "engine/batch/batch.h"

/* A step of commit.c: writes the records that were set aside, if any. A file left by an earlier
 * try of the batch is replaced. */
int sl_deadletter_write(struct sl_batch *batch, struct sl_error *err);

/* Appends what was set aside, an object of JSON per line. */
void sl_deadletter_format(struct sl_batch *batch, struct sl_buf *buf);
/* The same of late records. */
void sl_deadletter_format_late(struct sl_batch *batch, struct sl_buf *buf);

/* After the commit: one line in the log where records were set aside: how many of how many, the first message, where
 * the dead letters are. Without a checkpoint each was logged already. */
void sl_deadletter_report(struct sl_batch *batch);
