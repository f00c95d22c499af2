/* The files of a SQLite database. SQLite opens them by path and waits for the other end of a FIFO. */
#pragma once

#include "core/base/io.h"

/* The database at `path` and what may lie beside it are regular files, or not there. 0 or SL_EFAIL. */
int sl_sqlite_files_check(struct sl_io *io, const char *path, struct sl_error *err);
