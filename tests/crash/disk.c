/* The trace has a line per thing done, fields separated by tabs, paths relative to the root:
 *
 *     create PATH | mkdir PATH | unlink PATH | symlink PATH TARGET | rename PATH NEW
 *     write PATH OFFSET HEX | truncate PATH SIZE | sync PATH
 *     step T NAME */
#include "tests/crash/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct disk {
    struct sl_io io; /* first */
    struct disk_plan plan;
    char root[PATH_MAX];
    pthread_mutex_t lock; /* guards what follows, and the trace */
    long calls, steps, waits;
    char failed[PATH_MAX + 64];
};

static const struct sl_io_ops ops;

int disk_new(const struct disk_plan *plan, struct disk **ret)
{
    struct disk *disk = calloc(1, sizeof *disk);
    if (!disk || !realpath(plan->root, disk->root)) {
        free(disk);
        return -1;
    }
    disk->io.ops = &ops;
    disk->plan = *plan;
    pthread_mutex_init(&disk->lock, NULL);
    *ret = disk;
    return 0;
}

void disk_free(struct disk *disk)
{
    pthread_mutex_destroy(&disk->lock);
    free(disk);
}

struct sl_io *disk_io(struct disk *disk)
{
    return &disk->io;
}

long disk_calls(const struct disk *disk)
{
    return disk->calls;
}

bool disk_room(void *arg)
{
    struct disk *disk = arg;
    pthread_mutex_lock(&disk->lock);
    bool ok = ++disk->waits <= disk->plan.waits + 1;
    pthread_mutex_unlock(&disk->lock);
    return ok;
}

long disk_waits(const struct disk *disk)
{
    return disk->waits;
}

const char *disk_failed(const struct disk *disk)
{
    return disk->failed;
}

_Noreturn void disk_stop(void)
{
    _exit(DISK_STOPPED);
}

/* ---- faults ---- */

/* Room for what is written is found when it is written: a sync finds none missing. */
static bool is_full(const struct disk *disk, const char *call)
{
    const struct disk_plan *plan = &disk->plan;
    if (plan->fault == DISK_FULL_TILL)
        return disk->waits <= plan->waits && strcmp(call, "sync") != 0;
    return plan->fault == DISK_FULL;
}

static enum disk_fault fault_of(const struct disk *disk, const char *call, bool needs_room)
{
    const struct disk_plan *plan = &disk->plan;
    if (plan->fault == DISK_FULL || plan->fault == DISK_FULL_TILL)
        return disk->calls >= plan->at && needs_room && is_full(disk, call) ? DISK_FULL : DISK_SOUND;
    return disk->calls == plan->at && plan->fault != DISK_STOP_STEP ? plan->fault : DISK_SOUND;
}

enum disk_fault disk_ask(struct disk *disk, const char *call, const char *path, bool needs_room)
{
    pthread_mutex_lock(&disk->lock);
    disk->calls++;
    enum disk_fault fault = fault_of(disk, call, needs_room);
    if (fault != DISK_SOUND && !disk->failed[0])
        snprintf(disk->failed, sizeof disk->failed, "%s %s", call, path);
    pthread_mutex_unlock(&disk->lock);
    bool is_write = strcmp(call, "write") == 0;
    if (fault == DISK_STOP || (fault == DISK_TEAR && !is_write))
        disk_stop();
    if (fault == DISK_SHORT && !is_write)
        return DISK_SOUND;
    if (fault != DISK_SOUND)
        errno = fault == DISK_FULL ? ENOSPC : disk->plan.sys;
    return fault;
}

static bool fails(struct disk *disk, const char *call, const char *path, bool needs_room)
{
    enum disk_fault fault = disk_ask(disk, call, path, needs_room);
    return fault == DISK_FAIL || fault == DISK_FULL;
}

void disk_step(void *arg, int64_t t, const char *name)
{
    struct disk *disk = arg;
    const struct disk_plan *plan = &disk->plan;
    if (plan->fault == DISK_STOP_STEP && ++disk->steps == plan->at)
        disk_stop();
    if (plan->steps)
        fprintf(plan->steps, "%" PRId64 " %s\n", t, name);
    if (plan->trace)
        fprintf(plan->trace, "step\t%" PRId64 "\t%s\n", t, name);
}

/* ---- paths ---- */

static bool path_of_fd(int fd, char path[static PATH_MAX])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, PATH_MAX - 1);
    path[len < 0 ? 0 : len] = 0;
    return len > 0;
}

/* Absolute; what is open but unlinked ends in " (deleted)" and is nowhere. */
static const char *path_at(int dirfd, const char *path, char buf[static PATH_MAX])
{
    char dir[PATH_MAX] = ".";
    if (path[0] == '/' || !((dirfd == AT_FDCWD && getcwd(dir, sizeof dir)) || path_of_fd(dirfd, dir)))
        return path;
    if (strcmp(path, ".") == 0)
        path = "";
    size_t dir_len = strlen(dir), len = strlen(path);
    if (dir_len + len + 2 > PATH_MAX)
        return path;
    memcpy(buf, dir, dir_len);
    buf[dir_len] = '/';
    memcpy(buf + dir_len + 1, path, len + 1);
    if (!len)
        buf[dir_len] = 0;
    return buf;
}

static const char *path_of(int fd, char buf[static PATH_MAX])
{
    return path_of_fd(fd, buf) ? buf : "?";
}

/* ---- trace ---- */

/* NULL: not below the root. */
static const char *traced(const struct disk *disk, const char *path)
{
    size_t len = strlen(disk->root), all = strlen(path);
    static const char gone[] = " (deleted)";
    if (!disk->plan.trace || strncmp(path, disk->root, len) != 0 || (path[len] && path[len] != '/'))
        return NULL;
    if (all > sizeof gone && strcmp(path + all - (sizeof gone - 1), gone) == 0)
        return NULL;
    return path[len] ? path + len + 1 : ".";
}

void disk_trace(struct disk *disk, const char *what, const char *path, const char *other)
{
    const char *shown = traced(disk, path);
    if (!shown)
        return;
    const char *second = other && other[0] == '/' ? traced(disk, other) : other;
    pthread_mutex_lock(&disk->lock);
    fprintf(disk->plan.trace, "%s\t%s%s%s\n", what, shown, second ? "\t" : "", second ? second : "");
    pthread_mutex_unlock(&disk->lock);
}

void disk_trace_write(struct disk *disk, const char *path, int64_t offset, const void *bytes, size_t len)
{
    const char *shown = traced(disk, path);
    if (!shown)
        return;
    pthread_mutex_lock(&disk->lock);
    flockfile(disk->plan.trace); /* a merge writes from a thread of its own: no line within a line */
    fprintf(disk->plan.trace, "write\t%s\t%" PRId64 "\t", shown, offset);
    for (size_t i = 0; i < len; i++)
        fprintf(disk->plan.trace, "%02x", ((const uint8_t *)bytes)[i]);
    fputc('\n', disk->plan.trace);
    funlockfile(disk->plan.trace);
    pthread_mutex_unlock(&disk->lock);
}

void disk_trace_truncate(struct disk *disk, const char *path, int64_t size)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, size);
    disk_trace(disk, "truncate", path, text);
}

/* ---- the calls ---- */

static int disk_openat(struct sl_io *io, int dirfd, const char *path, int flags, mode_t mode)
{
    struct disk *disk = (struct disk *)io;
    char buf[PATH_MAX];
    const char *at = path_at(dirfd, path, buf);
    bool is_new = flags & O_CREAT && faccessat(dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0;
    if (fails(disk, "open", at, is_new))
        return -1;
    int fd = sl_io_system.ops->openat(&sl_io_system, dirfd, path, flags, mode);
    if (fd >= 0 && is_new)
        disk_trace(disk, "create", at, NULL);
    else if (fd >= 0 && flags & O_TRUNC)
        disk_trace_truncate(disk, at, 0);
    return fd;
}

static int disk_close(struct sl_io *io, int fd)
{
    return close(fd);
}

static ssize_t disk_pread(struct sl_io *io, int fd, void *to, size_t size, off_t offset)
{
    char buf[PATH_MAX];
    return fails((struct disk *)io, "read", path_of(fd, buf), false) ? -1 : pread(fd, to, size, offset);
}

/* offset -1: where the file is. */
static ssize_t write_traced(struct disk *disk, int fd, const void *bytes, size_t size, off_t offset)
{
    char buf[PATH_MAX];
    const char *path = path_of(fd, buf);
    enum disk_fault fault = disk_ask(disk, "write", path, true);
    if (fault == DISK_FAIL || fault == DISK_FULL)
        return -1;
    off_t at = offset < 0 ? lseek(fd, 0, SEEK_CUR) : offset;
    size_t asked = fault != DISK_SOUND && size > 1 ? size / 2 : size;
    ssize_t n = offset < 0 ? write(fd, bytes, asked) : pwrite(fd, bytes, asked, offset);
    if (fault == DISK_TEAR)
        disk_stop();
    if (n > 0)
        disk_trace_write(disk, path, at, bytes, (size_t)n);
    return n;
}

static ssize_t disk_write(struct sl_io *io, int fd, const void *bytes, size_t size)
{
    return write_traced((struct disk *)io, fd, bytes, size, -1);
}

static ssize_t disk_pwrite(struct sl_io *io, int fd, const void *bytes, size_t size, off_t offset)
{
    return write_traced((struct disk *)io, fd, bytes, size, offset);
}

static int disk_fsync(struct sl_io *io, int fd)
{
    struct disk *disk = (struct disk *)io;
    char buf[PATH_MAX];
    const char *path = path_of(fd, buf);
    if (fails(disk, "sync", path, true))
        return -1;
    disk_trace(disk, "sync", path, NULL);
    return 0;
}

static int disk_ftruncate(struct sl_io *io, int fd, off_t size)
{
    char buf[PATH_MAX];
    const char *path = path_of(fd, buf);
    if (fails((struct disk *)io, "truncate", path, true) || ftruncate(fd, size) < 0)
        return -1;
    disk_trace_truncate((struct disk *)io, path, size);
    return 0;
}

static int disk_start_writeback(struct sl_io *io, int fd)
{
    char buf[PATH_MAX];
    return fails((struct disk *)io, "writeback", path_of(fd, buf), false) ? -1 : 0;
}

static int disk_mkdirat(struct sl_io *io, int dirfd, const char *path, mode_t mode)
{
    struct disk *disk = (struct disk *)io;
    char buf[PATH_MAX];
    const char *at = path_at(dirfd, path, buf);
    bool is_new = faccessat(dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0;
    if (fails(disk, "mkdir", at, is_new))
        return -1;
    int r = mkdirat(dirfd, path, mode);
    if (r == 0)
        disk_trace(disk, "mkdir", at, NULL);
    return r;
}

static int disk_unlinkat(struct sl_io *io, int dirfd, const char *path, int flags)
{
    struct disk *disk = (struct disk *)io;
    char buf[PATH_MAX];
    const char *at = path_at(dirfd, path, buf);
    if (fails(disk, "unlink", at, false))
        return -1;
    int r = unlinkat(dirfd, path, flags);
    if (r == 0)
        disk_trace(disk, "unlink", at, NULL);
    return r;
}

static int disk_renameat2(struct sl_io *io, int from_dirfd, const char *from, int to_dirfd, const char *to,
                          unsigned flags)
{
    struct disk *disk = (struct disk *)io;
    char from_buf[PATH_MAX], to_buf[PATH_MAX];
    const char *source = path_at(from_dirfd, from, from_buf), *target = path_at(to_dirfd, to, to_buf);
    if (fails(disk, "rename", target, true))
        return -1;
    int r = renameat2(from_dirfd, from, to_dirfd, to, flags);
    if (r == 0)
        disk_trace(disk, "rename", source, target);
    return r;
}

static int disk_symlinkat(struct sl_io *io, const char *target, int dirfd, const char *path)
{
    struct disk *disk = (struct disk *)io;
    char buf[PATH_MAX];
    const char *at = path_at(dirfd, path, buf);
    if (fails(disk, "symlink", at, true))
        return -1;
    int r = symlinkat(target, dirfd, path);
    if (r == 0)
        disk_trace(disk, "symlink", at, target);
    return r;
}

static ssize_t disk_readlinkat(struct sl_io *io, int dirfd, const char *path, char *to, size_t size)
{
    char buf[PATH_MAX];
    return fails((struct disk *)io, "readlink", path_at(dirfd, path, buf), false)
               ? -1
               : readlinkat(dirfd, path, to, size);
}

static int disk_statx(struct sl_io *io, int dirfd, const char *path, int flags, unsigned mask,
                      struct statx *ret)
{
    char buf[PATH_MAX];
    return fails((struct disk *)io, "stat", path_at(dirfd, path, buf), false)
               ? -1
               : statx(dirfd, path, flags, mask, ret);
}

static int disk_fstat(struct sl_io *io, int fd, struct stat *ret)
{
    char buf[PATH_MAX];
    return fails((struct disk *)io, "stat", path_of(fd, buf), false) ? -1 : fstat(fd, ret);
}

static DIR *disk_fdopendir(struct sl_io *io, int fd)
{
    char buf[PATH_MAX];
    return fails((struct disk *)io, "list", path_of(fd, buf), false) ? NULL : fdopendir(fd);
}

static struct dirent *disk_readdir(struct sl_io *io, DIR *dir)
{
    char buf[PATH_MAX];
    return fails((struct disk *)io, "list", path_of(dirfd(dir), buf), false) ? NULL : readdir(dir);
}

static int disk_closedir(struct sl_io *io, DIR *dir)
{
    return closedir(dir);
}

static off_t disk_seek(struct sl_io *io, int fd, off_t from, int whence)
{
    return lseek(fd, from, whence);
}

static const struct sl_io_ops ops = {
    .openat = disk_openat,
    .close = disk_close,
    .pread = disk_pread,
    .write = disk_write,
    .pwrite = disk_pwrite,
    .fsync = disk_fsync,
    .start_writeback = disk_start_writeback,
    .ftruncate = disk_ftruncate,
    .mkdirat = disk_mkdirat,
    .unlinkat = disk_unlinkat,
    .renameat2 = disk_renameat2,
    .symlinkat = disk_symlinkat,
    .readlinkat = disk_readlinkat,
    .statx = disk_statx,
    .fstat = disk_fstat,
    .fdopendir = disk_fdopendir,
    .readdir = disk_readdir,
    .closedir = disk_closedir,
    .seek = disk_seek,
};
