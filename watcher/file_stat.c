#include "watcher/file_stat.h"

#include "core/base/clock.h"
#include "core/base/removed.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>

static int64_t ns_of(struct statx_timestamp t)
{
    return sl_ns_of(t.tv_sec, t.tv_nsec);
}

static enum sl_file_stat_kind kind_of(mode_t mode)
{
    return S_ISREG(mode) ? SL_LOOK_FILE : S_ISDIR(mode) ? SL_LOOK_DIRECTORY : SL_LOOK_OTHER;
}

bool sl_file_stat_is_own_failure(int sys)
{
    return sys == ENOMEM || sys == EMFILE || sys == ENFILE || sys == EINTR || sys == EBADF;
}

/* Whether the directory itself can still be looked at, and what is in it be found. */
static bool is_usable(struct sl_io *io, int dirfd)
{
    struct statx st;
    return io->ops->statx(io, dirfd, ".", 0, STATX_TYPE, &st) == 0;
}

int sl_file_stat_get(struct sl_io *io, int dirfd, const char *dir, const char *name, struct sl_file_stat *ret,
                     struct sl_error *err)
{
    struct statx st;
    unsigned mask = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID;
    if (io->ops->statx(io, dirfd, name, AT_SYMLINK_NOFOLLOW, mask, &st) < 0) {
        int sys = errno;
        if (sys == ENOENT || sys == ENOTDIR || sys == ESTALE) {
            *ret = (struct sl_file_stat){.kind = SL_LOOK_ABSENT};
            return 0;
        }
        if (sl_file_stat_is_own_failure(sys) || !is_usable(io, dirfd))
            return sl_error_sys(err, sys, "looking at %s/%s", dir, name);
        *ret = (struct sl_file_stat){.kind = SL_LOOK_HIDDEN, .sys = sys};
        return 0;
    }
    *ret = (struct sl_file_stat){
        .kind = kind_of(st.stx_mode),
        .inode = st.stx_ino,
        .born_ns = st.stx_mask & STATX_BTIME ? ns_of(st.stx_btime) : INT64_MIN,
        .mtime_ns = ns_of(st.stx_mtime),
        .ctime_ns = ns_of(st.stx_ctime),
        .size = (int64_t)st.stx_size,
        .mount = sl_mount_of(&st),
    };
    return 0;
}

/* The lease is given back when fd is closed, which has to be at once: a process that opens the file for writing in
 * between waits that long. We are notified by a signal, which by default would end this process: SIGURG is ignored by
 * default. */
static bool lease_refused(int fd)
{
    if (fcntl(fd, F_SETSIG, SIGURG) < 0)
        return false;
    if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0)
        return errno == EAGAIN || errno == ENOMEM || errno == ENOLCK;
    return false;
}

bool sl_file_stat_has_writer(struct sl_io *io, int dirfd, const char *name)
{
    /* The kernel tells of a close a moment before the file counts as closed. */
    enum { TRIES = 20 };
    struct sl_error why = {0};
    int fd = sl_io_open(io, dirfd, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY, 0, &why);
    if (fd <
        0) /* removed, another kind, or not readable: reading it reports that; otherwise it is not known */
        return why.sys != ENOENT && why.sys != ENOTDIR && why.sys != ELOOP && why.sys != EACCES &&
               why.sys != EPERM && why.sys != ENXIO;
    bool refused = lease_refused(fd);
    for (int i = 1; refused && i < TRIES; i++) {
        (void)sched_yield(); /* never fails */
        refused = lease_refused(fd);
    }
    sl_io_close(io, fd);
    return refused;
}
