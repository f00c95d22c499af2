/* The library does not tell its descriptor: it is the inotify descriptor that was not there before. It does
 * not tell a watch's number either (and keeps the names of watches that went away by themselves, so that
 * asking by name may answer with a dead one): asking the kernel does, and asking it twice changes nothing. */
#include "watcher/notify_library.h"

#include "watcher/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <inotifytools/inotify.h>
#include <inotifytools/inotifytools.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FD_MAX = 1024 }; /* the library uses select() */

struct inotify_fds {
    struct sl_io *io;
    bool found[FD_MAX];
};

static int note_inotify(void *arg, const char *name)
{
    struct inotify_fds *fds = arg;
    char path[32], target[64];
    long fd = strtol(name, NULL, 10);
    if (fd < 0 || fd >= FD_MAX)
        return 0;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%ld", fd);
    ssize_t len = fds->io->ops->readlinkat(fds->io, AT_FDCWD, path, target, sizeof target);
    fds->found[fd] = len > 0 && memmem(target, (size_t)len, "inotify", strlen("inotify"));
    return 0;
}

/* Which descriptors are inotify's; none are found where there is no /proc. */
static void find_inotify(struct inotify_fds *fds)
{
    (void)sl_scan(fds->io, AT_FDCWD, "/proc/self/fd", "/proc/self/fd", note_inotify, fds, NULL);
}

int sl_notify_library_open(struct sl_io *io, int *ret_sys)
{
    struct inotify_fds before = {.io = io}, after = {.io = io};
    find_inotify(&before);
    if (!inotifytools_initialize()) {
        *ret_sys = inotifytools_error();
        return -1;
    }
    find_inotify(&after);
    for (int fd = 0; fd < FD_MAX; fd++)
        if (after.found[fd] && !before.found[fd] && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
            return fd;
    *ret_sys = EBUSY;
    return -1;
}

void sl_notify_library_close(void)
{
    while (inotifytools_next_events(0, 1))
        ;
    inotifytools_cleanup();
}

int sl_notify_library_watch(int inotify_fd, int dirfd, uint32_t mask, bool (*known)(const void *arg, int wd),
                            const void *arg, int *ret_wd)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d/.", dirfd);
    int wd = inotify_add_watch(inotify_fd, path, mask);
    if (wd < 0)
        return errno;
    /* Told twice of one directory, the library would leak an entry. */
    if (!known(arg, wd) && !inotifytools_watch_file(path, (int)mask))
        return inotifytools_error();
    *ret_wd = wd;
    return 0;
}

void sl_notify_library_unwatch(int wd)
{
    (void)inotifytools_remove_watch_by_wd(wd); /* it ends with the directory at the latest */
}

const struct inotify_event *sl_notify_library_next(int *ret_sys)
{
    /* One at a time: asked for more, the library spins until there are more. */
    const struct inotify_event *event = inotifytools_next_events(0, 1);
    int sys = event ? 0 : inotifytools_error();
    *ret_sys = sys == EINTR || sys == EAGAIN ? 0 : sys;
    return event;
}
