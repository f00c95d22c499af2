/* Files that cannot be read, or turn out damaged while they are read: the batch continues without them, and
 * which ones is durable before it shows anything (docs/manual.md, "Files"). */
#pragma once

#include "engine/batch/batch.h"

/* All sources were read: whether the batch has to be run again because rows of damaged files went out. */
bool sl_quarantine_redo(struct sl_batch *batch);
/* All sources were read for good: files that could not be read are quarantined in the plan and the catalog. SL_EFAIL
 * where onFileError is "stop". */
int sl_quarantine_note(struct sl_batch *batch, struct sl_error *err);
/* All outputs were revealed: what a redone batch quarantined stays quarantined. Where it had shown
 * something made with such a file, it has failed by now, and the file may come back. There is a catalog. */
int sl_quarantine_confirm(struct sl_batch *batch, struct sl_error *err);
/* The plan was resumed: files that an earlier process quarantined are left out. */
int sl_quarantine_exclude(struct sl_run *run, const struct sl_batch_plan *plan, struct sl_error *err);
/* The batch of the source is committed: its files are put away where the job asks for it; what fails is owed, and
 * written to the catalog. SL_EFAIL: a sync failed, which ends the run. */
int sl_quarantine_settle(struct sl_run *run, size_t source, struct sl_error *err);
/* At start: what the job wants done with the files of the newest committed batch may not have been done. Those that the
 * catalog does not remember were put away before the last run ended, and leave the plan. */
int sl_quarantine_settle_last(struct sl_run *run, struct sl_batch_plan *last, struct sl_error *err);
