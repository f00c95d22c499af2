/* The directory where a view appears: it is created if missing, and is empty or was used by an earlier run.
 *
 * What an earlier run left behind is recognised and removed first: a dead mount of sluice (its process was
 * killed), or the plain files of fs/mount/plain.c. Anything else in it is not ours: the directory is refused and left as it is. */
#pragma once

#include "core/base/error.h"
#include "core/base/io.h"

enum { SL_MOUNT_DEVICE_MAX = 32 };

/* The name by which a mount of ours is recognised in /proc/self/mountinfo: type fuse.sluice, source sluice. */
#define SL_FUSE_NAME "sluice"

/* In the directory of plain files: the names that are ours, each followed by a slash, which is in no
 * name. The run that shows files there holds a lock on it (flock). */
#define SL_PLAIN_MARKER ".sluice-plain"

/* Makes the directory exist and be empty. SL_EUSAGE: not empty, not a directory, in use or not ours. */
int sl_mount_point_prepare(struct sl_io *io, const char *dir, struct sl_error *err);

/* The device of the topmost mount at `path`, which is absolute and without links, as mountinfo shows it ("0:45"); with
 * `device` only that one is looked for. False: there is none. */
bool sl_mount_point_device(const char *path, const char *device, char ret[static SL_MOUNT_DEVICE_MAX]);

/* Unmounts what is at `path` where it is a dead mount of ours: its connection was aborted. */
void sl_mount_point_clear(const char *path);

/* Opens and locks the marker in dirfd; `dir` is for the message. Returns the fd; SL_EUSAGE: it is locked, or
 * another user's, who names in it what is ours. */
int sl_mount_point_lock_marker(struct sl_io *io, int dirfd, const char *dir, struct sl_error *err);
