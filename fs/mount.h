/* The live view as a FUSE file system (SPEC 8), and the same tree as plain files where FUSE is not to be had.
 *
 * Both are viewers (core/view.h): open with the names of the views, publish versions, close. Threads of their
 * own answer readers; publish is a pointer store and a notification and never waits for a reader. */
#pragma once

#include "core/services.h"

struct sl_mount_options {
    const char *dir;         /* where; made if missing, must be empty or our own dead mount */
    const char *const *view; /* names of the views, checked to be plain file names */
    const int64_t *slide_ms; /* of each view's stream */
    size_t views;
    unsigned keep;   /* versions kept under at/, 10 */
    bool for_others; /* allow_other */
    struct sl_io *io;
    struct sl_log *log;
};

/* SL_EUSAGE: the directory is not empty or is somebody else's mount (named); SL_EFAIL: FUSE is not to be had
 * (no /dev/fuse, no fusermount3, not permitted): the text says why, the caller falls back. */
int sl_mount_open(const struct sl_mount_options *options, struct sl_viewer **ret, struct sl_error *err);

/* The same tree as plain files by rename, without log, next, feed and keys/. An own stale tree is removed
 * first; a directory with anything else in it is refused (SL_EUSAGE). */
int sl_plain_view_open(const struct sl_mount_options *options, struct sl_viewer **ret, struct sl_error *err);

/* What a mount holds, for status and tests. Everything but versions is 0 when nobody reads and the kernel has
 * dropped its caches. Only for viewers that sl_mount_open gave. */
struct sl_mount_counts {
    uint64_t lookups;  /* names the kernel's caches hold */
    uint64_t opens;    /* open files */
    uint64_t waiting;  /* reads of next and feed that wait */
    uint64_t versions; /* alive */
    uint64_t retired;  /* of these: no longer to be found, held by readers only */
};
struct sl_mount_counts sl_mount_count(struct sl_viewer *viewer);
