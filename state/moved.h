/* A file in the place of a checkpoint that sluice move has taken away. It says where the checkpoint is, so that a run
 * with the old path is refused: without it that run would begin a new checkpoint and process all input again, while the
 * moved one continues elsewhere.
 *
 * Format: one line, "moved to " and the path; it has no length limit but PATH_MAX. */
#pragma once

#include "core/base/io.h"

/* Makes the file `name` in the open directory, or replaces one, and syncs the directory. `to`: an absolute path. */
int sl_moved_leave(struct sl_io *io, int dirfd, const char *name, const char *to, struct sl_error *err);

/* Removes the file at `path`, if one is there; anything else there is left alone. */
int sl_moved_remove(struct sl_io *io, int dirfd, const char *path, struct sl_error *err);

/* SL_EUSAGE, naming both places: such a file is at `path`. 0: anything else, or nothing, is. */
int sl_moved_check(struct sl_io *io, int dirfd, const char *path, struct sl_error *err);
