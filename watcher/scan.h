/* Reads the names of a directory. */
#pragma once

#include "core/base/io.h"

#include <stdbool.h>

/* Calls `each` for every name but . and .. of the directory `name` in dirfd ("." for dirfd itself), in the
 * file system's order; stops when it does not return 0 and returns that. `path` is for messages. ENOENT is an
 * error like others. */
int sl_scan(struct sl_io *io, int dirfd, const char *name, const char *path,
            int (*each)(void *arg, const char *name), void *arg, struct sl_error *err);

/* The same in two steps: opens the directory, no symbolic link. The fd, or a failure. */
int sl_scan_open(struct sl_io *io, int dirfd, const char *name, const char *path, struct sl_error *err);
/* Takes the fd over, which stays open until the last call of `each` has returned: names are looked at relative to it. */
int sl_scan_names(struct sl_io *io, int fd, const char *path, int (*each)(void *arg, const char *name),
                  void *arg, struct sl_error *err);

/* The same name by name: sl_scan_begin takes the fd over, also when it fails; sl_scan_end closes it. */
struct sl_scan {
    struct sl_io *io;
    const char *path; /* for messages; borrowed */
    DIR *dir;
    bool is_at_end;
};
int sl_scan_begin(struct sl_io *io, int fd, const char *path, struct sl_scan *ret, struct sl_error *err);
/* *ret: the next name, good until the next call; NULL at the end, also when it is called again. 0 or a failure. */
int sl_scan_next(struct sl_scan *scan, const char **ret, struct sl_error *err);
void sl_scan_end(struct sl_scan *scan);
