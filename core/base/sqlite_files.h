/* The files of a SQLite database. SQLite opens them by path and waits for the other end of a FIFO. */
#pragma once

#include "core/base/io.h"

/* The database at `path` and what may lie beside it are regular files, or not there. 0 or SL_EFAIL. */
int sl_sqlite_files_check(struct sl_io *io, const char *path, struct sl_error *err);

/* SQLite does what a journal says that lies beside the database, which includes the removal of any file. Where all users may
 * write its directory, none of these files belongs to another user than root and us: to be asked before each transaction.
 * `path` has no links. 0 or SL_EUSAGE. */
int sl_sqlite_files_own(struct sl_io *io, const char *path, struct sl_error *err);

/* For a database that is written, before it is opened: the same of `real`, which is `path` without links. No symbolic link of
 * another user is on the way to `path`, and for root the directories there are root's alone. 0 or SL_EUSAGE. */
int sl_sqlite_files_trust(struct sl_io *io, const char *path, const char *real, struct sl_error *err);
