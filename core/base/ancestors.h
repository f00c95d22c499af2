/* Makes a directory and everything above it durable: a file in a directory whose own name was never synced is
 * lost with it.
 *
 * Directories that were there already are synced too, for an earlier process may have made them and died
 * before its sync. Those that this user cannot open cannot have been made by it and are passed over. */
#pragma once

#include "core/base/io.h"

/* mkdir -p, then syncs the names on the way to `path` (not its contents). mode is for the last one. */
int sl_ancestors_make(struct sl_io *io, int dirfd, const char *path, mode_t mode, bool durable,
                      struct sl_error *err);
