/* Whether a directory does not exist any more, or is only out of sight because a file system is not mounted. */
#pragma once

#include "core/base/io.h"

/* The mount that this is on: statx was asked for STATX_MNT_ID. Kernels before 5.8 know the file system only. */
uint64_t sl_mount_of(const struct statx *st);

/* Whether the path does not exist, while the directory `base`, below which it is, does. *ret_mount: the mount of the nearest
 * directory above it that exists. Where that is the mount that the path was on, it was removed or moved away. */
bool sl_path_is_absent(struct sl_io *io, int dirfd, const char *path, const char *base, uint64_t *ret_mount);
