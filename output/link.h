/* `prefix.suffix`, the symlink to the newest directory. */
#pragma once

#include "core/base/io.h"
#include "output/output_dir.h"

/* Whether nothing but an older link has the link's name: 0, or SL_EUSAGE naming what is there. */
int sl_link_check(struct sl_io *io, int dirfd, const struct sl_output_dir *place, struct sl_error *err);

/* Points the link in the open directory `fd`, in which place->name is, to it by rename. What is there and is no symlink
 * is left alone. Not synced: the link only repeats what the directories say. */
int sl_link_swap(struct sl_io *io, int fd, const struct sl_output_dir *place, struct sl_error *err);
/* The same where the directory is there and the link does not point to it already. SL_EUSAGE: a link of another user is
 * on the way. */
int sl_link_renew(struct sl_io *io, int dirfd, const struct sl_output_dir *place, struct sl_error *err);
