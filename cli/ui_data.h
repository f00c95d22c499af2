/* What the page of `sluice ui` shows, as JSON. All of it is read from the checkpoint by each call; no batch is delayed
 * and nothing is changed. Each appends to a buffer. */
#pragma once

#include "cli/target.h"
#include "core/base/buf.h"

/* Status, lag, the newest batches, quarantined files. */
int sl_ui_data(struct sl_target *target, struct sl_buf *buf, struct sl_error *err);
/* Files, ranges, outputs and dead letters of one batch. */
int sl_ui_batch(struct sl_target *target, int64_t time_ms, struct sl_buf *buf, struct sl_error *err);
/* The newest version of a view. SL_EUSAGE: there is no such view. */
int sl_ui_view(struct sl_target *target, const char *name, struct sl_buf *buf, struct sl_error *err);
/* {"data", "details", "views"}: all that a page without a server shows. */
int sl_ui_all(struct sl_target *target, struct sl_buf *buf, struct sl_error *err);
