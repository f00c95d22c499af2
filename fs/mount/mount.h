/* The live view as a FUSE file system (docs/manual.md, "The live view"), and the same tree as plain files
 * where FUSE is not available.
 *
 * Both are viewers (core/contract/view.h): open with the names of the views, publish versions, close. Threads
 * of their own answer readers; publish is a pointer store and a notification and never waits for a reader. */
#pragma once

#include "core/contract/services.h"

struct sl_mount_options {
    const char *dir;         /* the mount point: created if missing, must be empty or a dead mount of ours */
    const char *const *view; /* names of the views, checked to be plain file names */
    const unsigned *keep;    /* of each view: versions under at/, at least 1 */
    size_t views;
    bool for_others; /* all users may read, not only the owner */
    bool debug;      /* libfuse writes every request and answer to the log */
    struct sl_io *io;
    struct sl_log *log;
};

/* SL_EUSAGE: the directory is not empty or is another program's mount (named); SL_EFAIL: FUSE is not available
 * (no /dev/fuse, no fusermount3, not permitted): the text says why, the caller falls back. */
int sl_mount_open(const struct sl_mount_options *options, struct sl_viewer **ret, struct sl_error *err);

/* The same tree as plain files, replaced by rename, without log, next, feed and keys/. A stale tree of ours is removed
 * first; a directory with anything else in it is refused (SL_EUSAGE). */
int sl_plain_view_open(const struct sl_mount_options *options, struct sl_viewer **ret, struct sl_error *err);
