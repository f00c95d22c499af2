/* A struct sl_io in front of the system's in which the Nth call fails, calls are interrupted, and reads and
 * writes are short. Closing always works and is counted, so that tests see what was left open. */
#pragma once

#include "core/base/io.h"

#include <errno.h>
#include <string.h>

struct fault_calls {
    struct sl_io io;
    int calls;         /* so far, closing not counted */
    int fail_at, sys;  /* number of the call that fails, from 1, and its errno; 0: none */
    int interrupts;    /* every openat, pread and write is interrupted so often before it works */
    int interrupted;   /* so often the next one was already */
    size_t bytes_most; /* of a pread or write; 0: as asked */
    int open;          /* descriptors and directories */
};

static inline bool fault_due(struct sl_io *io)
{
    struct fault_calls *fault = (struct fault_calls *)io;
    if (++fault->calls != fault->fail_at)
        return false;
    errno = fault->sys;
    return true;
}

static inline bool fault_interrupts(struct sl_io *io)
{
    struct fault_calls *fault = (struct fault_calls *)io;
    if (fault->interrupted++ < fault->interrupts) {
        errno = EINTR;
        return true;
    }
    fault->interrupted = 0;
    return false;
}

static inline size_t fault_size(struct sl_io *io, size_t size)
{
    size_t most = ((struct fault_calls *)io)->bytes_most;
    return most && most < size ? most : size;
}

#define SYSTEM(call, ...) sl_io_system.ops->call(&sl_io_system, __VA_ARGS__)

static int fault_openat(struct sl_io *io, int dirfd, const char *path, int flags, mode_t mode)
{
    int fd = fault_interrupts(io) || fault_due(io) ? -1 : SYSTEM(openat, dirfd, path, flags, mode);
    ((struct fault_calls *)io)->open += fd >= 0;
    return fd;
}

static int fault_close(struct sl_io *io, int fd)
{
    ((struct fault_calls *)io)->open--;
    return SYSTEM(close, fd);
}

static ssize_t fault_pread(struct sl_io *io, int fd, void *buf, size_t size, off_t offset)
{
    return fault_interrupts(io) || fault_due(io) ? -1 : SYSTEM(pread, fd, buf, fault_size(io, size), offset);
}

static ssize_t fault_write(struct sl_io *io, int fd, const void *buf, size_t size)
{
    return fault_interrupts(io) || fault_due(io) ? -1 : SYSTEM(write, fd, buf, fault_size(io, size));
}

static ssize_t fault_pwrite(struct sl_io *io, int fd, const void *buf, size_t size, off_t offset)
{
    return fault_interrupts(io) || fault_due(io) ? -1 : SYSTEM(pwrite, fd, buf, fault_size(io, size), offset);
}

static int fault_fsync(struct sl_io *io, int fd)
{
    return fault_due(io) ? -1 : 0; /* tests need no real sync */
}

static int fault_ftruncate(struct sl_io *io, int fd, off_t size)
{
    return fault_due(io) ? -1 : SYSTEM(ftruncate, fd, size);
}

static int fault_start_writeback(struct sl_io *io, int fd)
{
    return fault_due(io) ? -1 : SYSTEM(start_writeback, fd);
}

static int fault_mkdirat(struct sl_io *io, int dirfd, const char *path, mode_t mode)
{
    return fault_due(io) ? -1 : SYSTEM(mkdirat, dirfd, path, mode);
}

static int fault_unlinkat(struct sl_io *io, int dirfd, const char *path, int flags)
{
    return fault_due(io) ? -1 : SYSTEM(unlinkat, dirfd, path, flags);
}

static int fault_renameat2(struct sl_io *io, int from_dirfd, const char *from, int to_dirfd, const char *to,
                           unsigned flags)
{
    return fault_due(io) ? -1 : SYSTEM(renameat2, from_dirfd, from, to_dirfd, to, flags);
}

static int fault_symlinkat(struct sl_io *io, const char *target, int dirfd, const char *path)
{
    return fault_due(io) ? -1 : SYSTEM(symlinkat, target, dirfd, path);
}

static ssize_t fault_readlinkat(struct sl_io *io, int dirfd, const char *path, char *buf, size_t size)
{
    return fault_due(io) ? -1 : SYSTEM(readlinkat, dirfd, path, buf, size);
}

static int fault_statx(struct sl_io *io, int dirfd, const char *path, int flags, unsigned mask,
                       struct statx *ret)
{
    return fault_due(io) ? -1 : SYSTEM(statx, dirfd, path, flags, mask, ret);
}

static int fault_fstat(struct sl_io *io, int fd, struct stat *ret)
{
    return fault_due(io) ? -1 : SYSTEM(fstat, fd, ret);
}

static DIR *fault_fdopendir(struct sl_io *io, int fd)
{
    return fault_due(io) ? NULL : SYSTEM(fdopendir, fd);
}

static struct dirent *fault_readdir(struct sl_io *io, DIR *dir)
{
    return fault_due(io) ? NULL : SYSTEM(readdir, dir);
}

static int fault_closedir(struct sl_io *io, DIR *dir)
{
    ((struct fault_calls *)io)->open--;
    return SYSTEM(closedir, dir);
}

static off_t fault_seek(struct sl_io *io, int fd, off_t from, int whence)
{
    return fault_due(io) ? -1 : SYSTEM(seek, fd, from, whence);
}

static const struct sl_io_ops fault_calls_ops = {
    .openat = fault_openat,
    .close = fault_close,
    .pread = fault_pread,
    .write = fault_write,
    .pwrite = fault_pwrite,
    .fsync = fault_fsync,
    .start_writeback = fault_start_writeback,
    .ftruncate = fault_ftruncate,
    .mkdirat = fault_mkdirat,
    .unlinkat = fault_unlinkat,
    .renameat2 = fault_renameat2,
    .symlinkat = fault_symlinkat,
    .readlinkat = fault_readlinkat,
    .statx = fault_statx,
    .fstat = fault_fstat,
    .fdopendir = fault_fdopendir,
    .readdir = fault_readdir,
    .closedir = fault_closedir,
    .seek = fault_seek,
};

static inline struct fault_calls fault_calls_new(int fail_at, int sys)
{
    return (struct fault_calls){.io = {&fault_calls_ops}, .fail_at = fail_at, .sys = sys};
}
