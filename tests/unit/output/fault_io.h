/* A struct sl_io that counts the calls that change or ask the disk and makes one of them fail, and that keeps
 * a trace of what was done. With `dies`, no call after the failing one does anything either: the process is
 * as good as killed at that point. Closing always works, so that tests leak nothing. */
#pragma once

#include "core/base/buf.h"
#include "core/base/io.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct fault_io {
    struct sl_io io;
    int calls;   /* so far */
    int fail_at; /* number of the call that fails, from 1; 0: none */
    int sys;     /* with this errno */
    bool dies, short_writes;
    struct sl_buf trace; /* "open part-00000\nfsync part-00000\n" */
    char name[1024][64]; /* of open descriptors */
};

static inline bool fault_due(struct sl_io *io, const char *what, const char *path)
{
    struct fault_io *fault = (struct fault_io *)io;
    fault->calls++;
    bool fails =
        fault->fail_at && (fault->calls == fault->fail_at || (fault->dies && fault->calls > fault->fail_at));
    if (fails)
        errno = fault->sys;
    else
        sl_buf_printf(&fault->trace, "%s %s\n", what, path);
    return fails;
}

static inline const char *fault_name(struct sl_io *io, int fd)
{
    return ((struct fault_io *)io)->name[fd];
}

static int fault_openat(struct sl_io *io, int dirfd, const char *path, int flags, mode_t mode)
{
    if (fault_due(io, "open", path))
        return -1;
    int fd = sl_io_system.ops->openat(&sl_io_system, dirfd, path, flags, mode);
    if (fd >= 0 && fd < 1024)
        snprintf(((struct fault_io *)io)->name[fd], 64, "%s", path);
    return fd;
}

static int fault_close(struct sl_io *io, int fd)
{
    return close(fd);
}

static ssize_t fault_pread(struct sl_io *io, int fd, void *buf, size_t size, off_t offset)
{
    return fault_due(io, "read", fault_name(io, fd))
               ? -1
               : sl_io_system.ops->pread(&sl_io_system, fd, buf, size, offset);
}

static ssize_t fault_write(struct sl_io *io, int fd, const void *buf, size_t size)
{
    struct fault_io *fault = (struct fault_io *)io;
    if (fault_due(io, "write", fault_name(io, fd)))
        return -1;
    return write(fd, buf, fault->short_writes && size > 1 ? size / 2 : size);
}

static ssize_t fault_pwrite(struct sl_io *io, int fd, const void *buf, size_t size, off_t offset)
{
    return fault_due(io, "write", fault_name(io, fd)) ? -1 : pwrite(fd, buf, size, offset);
}

static int fault_fsync(struct sl_io *io, int fd)
{
    return fault_due(io, "fsync", fault_name(io, fd)) ? -1 : 0; /* tests need no real sync */
}

static int fault_start_writeback(struct sl_io *io, int fd)
{
    return fault_due(io, "writeback", fault_name(io, fd)) ? -1 : 0;
}

static int fault_mkdirat(struct sl_io *io, int dirfd, const char *path, mode_t mode)
{
    return fault_due(io, "mkdir", path) ? -1 : sl_io_system.ops->mkdirat(&sl_io_system, dirfd, path, mode);
}

static int fault_unlinkat(struct sl_io *io, int dirfd, const char *path, int flags)
{
    return fault_due(io, "unlink", path) ? -1 : sl_io_system.ops->unlinkat(&sl_io_system, dirfd, path, flags);
}

static int fault_renameat2(struct sl_io *io, int from_dirfd, const char *from, int to_dirfd, const char *to,
                           unsigned flags)
{
    if (fault_due(io, flags ? "rename-new" : "rename", to))
        return -1;
    return sl_io_system.ops->renameat2(&sl_io_system, from_dirfd, from, to_dirfd, to, flags);
}

static int fault_symlinkat(struct sl_io *io, const char *target, int dirfd, const char *path)
{
    return fault_due(io, "symlink", path) ? -1
                                          : sl_io_system.ops->symlinkat(&sl_io_system, target, dirfd, path);
}

static ssize_t fault_readlinkat(struct sl_io *io, int dirfd, const char *path, char *buf, size_t size)
{
    return fault_due(io, "readlink", path)
               ? -1
               : sl_io_system.ops->readlinkat(&sl_io_system, dirfd, path, buf, size);
}

static int fault_statx(struct sl_io *io, int dirfd, const char *path, int flags, unsigned mask,
                       struct statx *ret)
{
    return fault_due(io, "stat", path)
               ? -1
               : sl_io_system.ops->statx(&sl_io_system, dirfd, path, flags, mask, ret);
}

static int fault_fstat(struct sl_io *io, int fd, struct stat *ret)
{
    return fault_due(io, "stat", fault_name(io, fd)) ? -1 : sl_io_system.ops->fstat(&sl_io_system, fd, ret);
}

static DIR *fault_fdopendir(struct sl_io *io, int fd)
{
    return fault_due(io, "list", fault_name(io, fd)) ? NULL : fdopendir(fd);
}

static struct dirent *fault_readdir(struct sl_io *io, DIR *dir)
{
    return fault_due(io, "readdir", "") ? NULL : readdir(dir);
}

static int fault_closedir(struct sl_io *io, DIR *dir)
{
    return closedir(dir);
}

static int fault_ftruncate(struct sl_io *io, int fd, off_t size)
{
    return fault_due(io, "ftruncate", "") ? -1 : ftruncate(fd, size);
}

static off_t fault_seek(struct sl_io *io, int fd, off_t from, int whence)
{
    return fault_due(io, "seek", "") ? -1 : lseek(fd, from, whence);
}

static const struct sl_io_ops fault_ops = {
    .openat = fault_openat,
    .close = fault_close,
    .pread = fault_pread,
    .write = fault_write,
    .pwrite = fault_pwrite,
    .fsync = fault_fsync,
    .start_writeback = fault_start_writeback,
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
    .ftruncate = fault_ftruncate,
    .seek = fault_seek,
};

static inline void fault_io_init(struct fault_io *fault)
{
    memset(fault, 0, sizeof *fault);
    fault->io.ops = &fault_ops;
    fault->sys = EIO;
}

static inline void fault_io_done(struct fault_io *fault)
{
    sl_buf_done(&fault->trace);
}
