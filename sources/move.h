/* Moving files and directories without ever replacing anything. */
#pragma once

#include "core/base/io.h"

enum { SL_MOVE_PATH_MAX = 4096 + 512 };

/* Gives `from` its name `path` back unless somebody has taken it. 0 or -1. */
int sl_move_back(struct sl_io *io, int dirfd, const char *from, const char *path);
/* Moves `from` into the directory `archive` as `name`; where that is taken, as `name.<t>`, `name.<t>.1` ... A
 * file goes to another file system as a synced copy; a directory does not. */
int sl_move_into(struct sl_io *io, int dirfd, const char *from, const char *archive, const char *name,
                 int64_t t, struct sl_error *err);
/* Names in a directory that a source would read: not hidden, not ignored by rule. */
int sl_move_count_names(struct sl_io *io, int dirfd, const char *dir, size_t *ret, struct sl_error *err);
