#include "state/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* "                1234\n": of one length, so that writing it over an older one leaves no rest of it. */
enum { PID_TEXT_LEN = 21 };

static long read_pid(struct sl_io *io, int fd)
{
    char text[PID_TEXT_LEN + 1] = "";
    ssize_t len = sl_io_read_at(io, fd, text, PID_TEXT_LEN, 0, "lock", NULL);
    return len > 0 ? strtol(text, NULL, 10) : 0;
}

static int held(struct sl_io *io, int fd, const char *shown, struct sl_error *err)
{
    long pid = read_pid(io, fd);
    if (pid <= 0)
        return sl_error_set(err, SL_EHELD, "checkpoint %s is in use by another process; stop that first",
                            shown);
    return sl_error_set(err, SL_EHELD, "checkpoint %s is in use by process %ld; stop that first", shown, pid);
}

int sl_lock_take(struct sl_io *io, int dirfd, const char *shown, struct sl_error *err)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char text[PID_TEXT_LEN + 1];
    int fd = sl_io_open_file(io, dirfd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600, err);
    if (fd < 0)
        return sl_error_wrap(err, "checkpoint %s", shown);
    int r = 0;
    if (fcntl(fd, F_OFD_SETLK, &whole) < 0)
        r = errno == EAGAIN || errno == EACCES ? held(io, fd, shown, err)
                                               : sl_error_sys(err, errno, "locking checkpoint %s", shown);
    snprintf(text, sizeof text, "%20ld\n", (long)getpid());
    if (r == 0)
        r = sl_io_write(io, fd, text, PID_TEXT_LEN, "lock", err);
    if (r < 0) {
        sl_io_close(io, fd);
        return r;
    }
    return fd;
}

long sl_lock_holder(struct sl_io *io, int dirfd)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = sl_io_open_file(io, dirfd, "lock", O_RDONLY | O_NOFOLLOW, 0, NULL);
    if (fd < 0)
        return 0;
    bool is_held = fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
    long pid = is_held ? read_pid(io, fd) : 0;
    sl_io_close(io, fd);
    return is_held && pid <= 0 ? -1 : pid;
}
