/* Directories on file systems of their own that are not mounted at a start: what lies in the empty mount point is another
 * directory, and the files that were taken must be neither forgotten nor, when they are back, taken again. */
#pragma once

#include "engine/batch/run.h"

/* At a start, before planned batches are redone and the first files are taken. Where a source took its files from a
 * directory on a mounted file system and the path now names another one that is not, the source waits for the first
 * (accept_changes: takes what is there). Remembers which directories there are; durable. SL_EFAIL: files of a planned
 * batch are on a file system that is not mounted. */
int sl_homes_check(struct sl_run *run, const struct sl_progress *progress, struct sl_error *err);
/* Before a batch is planned: remembers those that came since; durable. */
int sl_homes_remember(struct sl_run *run, struct sl_error *err);
