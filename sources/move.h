/* Moving files and directories without ever replacing anything. */
#pragma once

#include "core/base/io.h"

enum { SL_MOVE_PATH_MAX = 4096 + 512 };

/* Gives `from` its name `path` back unless that name is taken. 0 or -1. */
int sl_move_back(struct sl_io *io, int from_dirfd, const char *from, int dirfd, const char *path);
/* Moves `from` into the open directory `archive_fd` as `name`; where that is taken, as `name.<t>`, `name.<t>.1` ...,
 * of which the name is cut where that would be longer than a name may be. 0, or -1 and errno. */
int sl_move_show(struct sl_io *io, int from_dirfd, const char *from, int archive_fd, const char *name,
                 int64_t t);
/* A synced copy of a file, or of a directory and the files in it; `to` must not exist. *ret_sync_failed: it was a
 * sync that failed. */
int sl_move_copy(struct sl_io *io, int from_dirfd, const char *from, int to_dirfd, const char *to,
                 bool is_directory, bool *ret_sync_failed, struct sl_error *err);
/* Names in a directory that a source would read: not hidden, not ignored by rule. */
int sl_move_count_names(struct sl_io *io, int dirfd, const char *dir, size_t *ret, struct sl_error *err);
