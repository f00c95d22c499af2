/* The checkpoint's lock: one process at a time works with a checkpoint.
 *
 * An OFD lock on <checkpoint>/lock: the kernel drops it when the process ends, however it ends, so nothing is
 * ever left to clean up. The file holds the pid of its holder, for messages only. */
#pragma once

#include "core/base/io.h"

/* dirfd: the checkpoint, `shown` its path as given. Returns the fd to keep open, or SL_EHELD naming the pid,
 * or a failure. Closing the fd gives the lock up. */
int sl_lock_take(struct sl_io *io, int dirfd, const char *shown, struct sl_error *err);

/* The holder's pid; -1: it cannot be found out; 0: it is not held, or there is no lock. */
long sl_lock_holder(struct sl_io *io, int dirfd);
