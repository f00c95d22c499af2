/* The documents of engine/run/status.h as text: each appends to a buffer; false: out of memory. */
#pragma once

#include "engine/batch/batch.h"
#include "watcher/watcher.h"

/* What stays the same of status.json while the run lasts: an object that is not closed. */
void sl_status_head(const struct sl_run *run, struct sl_buf *buf);
/* The rest of it. state: "running", "waiting" or "failed", with the reason in `error`, or "stopped". */
bool sl_status_json(struct sl_run *run, const char *state, const char *error, struct sl_buf *buf);
/* Sums over all sources of files. */
struct sl_status_intake sl_status_intake(const struct sl_run *run);
bool sl_status_batch_json(const struct sl_batch *batch, struct sl_buf *buf);
/* A line per operator that rejected records and per file that was quarantined. */
void sl_status_errors(const struct sl_batch *batch, struct sl_buf *buf);
/* For people, without newline. */
bool sl_status_line(const struct sl_run *run, struct sl_buf *buf);

/* ---- what the metrics show, too ---- */

bool sl_status_is_of_files(const struct sl_source *source);
/* Of all directories that a source of files watches. */
struct sl_watcher_counts sl_status_counts(const struct sl_source *source);
uint64_t sl_status_held_back(const uint64_t *standing);
/* False: the views, if there are any, are plain files. */
bool sl_status_count_readers(const struct sl_run *run, struct sl_viewer_counts *ret);
