/* Whose a file is, and who else could have written it: owners, modes and access control lists.
 *
 * Jobs are code and are trusted; other users of the machine are not. What root runs, and where root keeps what
 * decides its results, must be root's, and so must be every directory on the way: a user who may write a directory may
 * replace a file that the same user may not write. In a directory with the sticky bit, such as /tmp,
 * names stay their owners'. */
#pragma once

#include "core/base/error.h"
#include "core/base/io.h"

#include <limits.h>
#include <stdbool.h>

/* Where this process is root: the file or directory, every directory and every symbolic link on the way to it must be
 * root's and not writable by others. Where it is not, and for what does not exist (yet), all is well. SL_EUSAGE:
 * "<path> can be written by others, so root does not <act>; ...". act: "run it". */
int sl_trust_as_root(struct sl_io *io, const char *path, const char *act, struct sl_error *err);

/* An open directory in which we keep things must be ours, and not have been writable by others unless it is
 * empty; its mode is made 0700. One of another mode that holds files, but not `mark`, which we put there, is left as it
 * is. SL_EUSAGE. */
int sl_trust_own_dir(struct sl_io *io, int dirfd, const char *shown, const char *mark, struct sl_error *err);

/* No symbolic link on the way to `path` (relative to dirfd) was put there by another user than root and us. SL_EUSAGE. */
int sl_trust_links(struct sl_io *io, int dirfd, const char *path, struct sl_error *err);

/* The path without links to which the links of `path` (relative to dirfd) lead now, for what is read: a link of another user
 * is followed to what belongs to that user only. SL_EUSAGE; SL_EFAIL with ENOENT: nothing is there; with another errno: it
 * cannot be found out. */
int sl_trust_target(struct sl_io *io, int dirfd, const char *path, char ret[PATH_MAX], struct sl_error *err);

/* What is open has, or had, the name `path`, which is absolute and without links: a directory on the way that has become a
 * link since was not followed. */
bool sl_trust_is_at(struct sl_io *io, int fd, const char *path);

/* Opens the directory `path` (relative to dirfd) as sl_trust_links wants its links, whatever others put in the place of
 * a name on the way meanwhile: what was opened is where the links that were looked at lead. The descriptor, SL_EUSAGE,
 * or another failure to open it. */
int sl_trust_open_dir(struct sl_io *io, int dirfd, const char *path, struct sl_error *err);
/* The same of one that must be ours, and is `shown` in messages. */
int sl_trust_open_own_dir(struct sl_io *io, int dirfd, const char *path, const char *shown,
                          struct sl_error *err);

/* mkdir -p along a path as sl_trust_links wants it (`mode` is for the last one where it is made): each directory is made in
 * the one that is open, so none is made where a link leads that others put there meanwhile. SL_EUSAGE, or a failure. */
int sl_trust_make_dirs(struct sl_io *io, int dirfd, const char *path, mode_t mode, struct sl_error *err);
