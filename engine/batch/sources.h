/* The sources of a run, in graph order: run->source. */
#pragma once

#include "engine/batch/run.h"

int sl_sources_open(struct sl_run *run, struct sl_error *err);
/* After a failed open, too. */
void sl_sources_close(struct sl_run *run);

/* They begin to receive: everything else is open, what was planned is redone. */
int sl_sources_start(struct sl_run *run, struct sl_error *err);

/* Tells source number `source` of files that were taken in an earlier run. */
int sl_sources_remember(struct sl_run *run, size_t source, const struct sl_files *files,
                        struct sl_error *err);
/* The same for the files of a plan that is still to be redone. */
int sl_sources_remember_planned(struct sl_run *run, const struct sl_batch_plan *planned,
                                struct sl_error *err);

/* Which sources take only new files, ret[run->sources]. */
void sl_sources_only_new(const struct sl_run *run, bool *ret);
/* After all were remembered: which files were there before the first start of the checkpoint is decided once, and
 * durable. */
int sl_sources_decide(struct sl_run *run, const struct sl_progress *progress, struct sl_error *err);

/* After a commit: the checkpoint keeps no copies of tables that the job does not have any more. Once in a run. */
void sl_sources_forget_tables(struct sl_run *run);

/* Whether a source depends on the newest committed batch, or something may have to be done with its files, of which there
 * may be millions. Dead letters that it took are apart: sl_replay_is_begun. */
bool sl_sources_need_last(const struct sl_run *run);
