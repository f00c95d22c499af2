/* The files of a SQLite database. SQLite opens them by path and waits for the other end of a FIFO. */
#pragma once

#include "core/base/io.h"

/* The database at `path` and what may lie beside it are regular files, or not there. 0 or SL_EFAIL. */
int sl_sqlite_files_check(struct sl_io *io, const char *path, struct sl_error *err);

/* For a database that is written: SQLite does what a journal says that lies beside it, which includes the removal of any
 * file. No symbolic link of another user is on the way to `path`, not all users may write the directory of `real`, which is
 * `path` without links, and for root both are root's alone. 0 or SL_EUSAGE. */
int sl_sqlite_files_trust(struct sl_io *io, const char *path, const char *real, struct sl_error *err);
