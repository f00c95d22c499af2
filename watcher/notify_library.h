/* libinotifytools, held by one thread at a time: opened by the main thread, then used by the notify thread
 * alone. The library keeps global state (so: one in a process) and one static event buffer (so: an event is
 * good until the next call). */
#pragma once

#include "core/base/io.h"

#include <stdint.h>

struct inotify_event;

/* The library's descriptor, to poll; or -1 and the reason: EMFILE no instances left, EBUSY it is in use in
 * this process or its descriptor would not be below 1024. */
int sl_notify_library_open(struct sl_io *io, int *ret_sys);
/* Also reads what is left in the library's buffer, which the next one to open it would find there. */
void sl_notify_library_close(void);

/* Watches the directory open as dirfd for `mask`. *ret_wd is the kernel's number for it, the same however
 * often a directory is watched. `known`: that number is watched already. Returns 0 or errno. */
int sl_notify_library_watch(int inotify_fd, int dirfd, uint32_t mask, bool (*known)(const void *arg, int wd),
                            const void *arg, int *ret_wd);
void sl_notify_library_unwatch(int wd);

/* The next event that is there, without waiting; NULL and *ret_sys: 0 when there is none. */
const struct inotify_event *sl_notify_library_next(int *ret_sys);
