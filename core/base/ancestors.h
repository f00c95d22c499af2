/* Makes the name of a directory and everything above it durable: a file in a directory whose own name was never synced is
 * lost with it.
 *
 * Directories that were there already are synced too, for an earlier process may have made them and died
 * before its sync. Those that this user cannot open cannot have been made by it and are passed over. */
#pragma once

#include "core/base/io.h"

/* Syncs the names on the way to `path`, not its contents. */
int sl_ancestors_sync(struct sl_io *io, int dirfd, const char *path, struct sl_error *err);
