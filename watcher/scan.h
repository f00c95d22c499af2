/* Reads the names of a directory. */
#pragma once

#include "core/base/io.h"

/* Calls `each` for every name but . and .. of the directory `name` in dirfd ("." for dirfd itself), in the
 * file system's order; stops when it does not return 0 and returns that. `path` is for messages. ENOENT is an
 * error like others. */
int sl_scan(struct sl_io *io, int dirfd, const char *name, const char *path,
            int (*each)(void *arg, const char *name), void *arg, struct sl_error *err);
