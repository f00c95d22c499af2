/* The live view of a run: FUSE, or plain files in its place. */
#pragma once

#include "engine/batch/run.h"

/* Mounts what the job's outputs want to show: run->services.viewer, and each such node's view. Does nothing
 * where nothing is mounted. */
int sl_viewer_open(struct sl_run *run, struct sl_error *err);

/* Between batches: notices that the mount was taken away, reports it, and mounts it again unless the job says
 * not to. SL_EFAIL with --require-mount. */
int sl_viewer_check(struct sl_run *run, struct sl_error *err);
