/* The one door to system calls that touch files, through a table that tests replace (fail or stop at the Nth
 * call). Calls behave as the system's: -1 and errno. Everything is relative to an open directory (or
 * AT_FDCWD).
 *
 * A struct sl_io is passed wherever files are touched; there is no global one but the const sl_io_system. The
 * helpers below the table (retrying EINTR, writing all bytes) fill errors that name the path. */
#pragma once

#include "core/base/error.h"

#include <dirent.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

struct sl_io;

struct sl_io_ops {
    int (*openat)(struct sl_io *io, int dirfd, const char *path, int flags, mode_t mode);
    int (*close)(struct sl_io *io, int fd);
    ssize_t (*pread)(struct sl_io *io, int fd, void *buf, size_t size, off_t offset);
    ssize_t (*write)(struct sl_io *io, int fd, const void *buf, size_t size);
    ssize_t (*pwrite)(struct sl_io *io, int fd, const void *buf, size_t size, off_t offset);
    int (*fsync)(struct sl_io *io, int fd);
    int (*start_writeback)(struct sl_io *io, int fd); /* a hint: sync_file_range; failure means nothing */
    int (*mkdirat)(struct sl_io *io, int dirfd, const char *path, mode_t mode);
    int (*unlinkat)(struct sl_io *io, int dirfd, const char *path, int flags);
    int (*renameat2)(struct sl_io *io, int from_dirfd, const char *from, int to_dirfd, const char *to,
                     unsigned flags);
    int (*symlinkat)(struct sl_io *io, const char *target, int dirfd, const char *path);
    ssize_t (*readlinkat)(struct sl_io *io, int dirfd, const char *path, char *buf, size_t size);
    int (*statx)(struct sl_io *io, int dirfd, const char *path, int flags, unsigned mask, struct statx *ret);
    int (*fstat)(struct sl_io *io, int fd, struct stat *ret);
    DIR *(*fdopendir)(struct sl_io *io, int fd); /* takes over fd on success */
    struct dirent *(*readdir)(struct sl_io *io, DIR *dir);
    int (*closedir)(struct sl_io *io, DIR *dir);
    int (*ftruncate)(struct sl_io *io, int fd, off_t size);
    off_t (*seek)(struct sl_io *io, int fd, off_t from, int whence); /* SEEK_DATA, SEEK_HOLE */
};

struct sl_io {
    const struct sl_io_ops *ops;
};

extern struct sl_io sl_io_system;

/* A flag of openat of this table: ELOOP where a symbolic link is on the way to `path`, its last name included. ENOSYS or
 * EPERM: the kernel, or what confines the process, does not have openat2. */
enum { SL_IO_NO_LINKS = 1 << 30 };

/* Opens a file or directory, always O_CLOEXEC. Returns the fd or a negative sl_err: "opening <path>: ...". */
int sl_io_open(struct sl_io *io, int dirfd, const char *path, int flags, mode_t mode, struct sl_error *err);
/* The same for what must be a regular file: never waits for the other end of a FIFO that lies there instead, nor for a
 * device. Something else: SL_EFAIL, "<path> is not a regular file". */
int sl_io_open_file(struct sl_io *io, int dirfd, const char *path, int flags, mode_t mode,
                    struct sl_error *err);
/* For libraries that open by path: a regular file lies there, or nothing that can be looked at. 0 or SL_EFAIL. */
int sl_io_check_file(struct sl_io *io, int dirfd, const char *path, struct sl_error *err);
/* Closes and ignores the result (no error that matters is reported only at close: files are synced before). */
void sl_io_close(struct sl_io *io, int fd);
/* Reads up to size bytes at offset, fewer only at the end of the file. Returns the count or a negative
 * sl_err. */
ssize_t sl_io_read_at(struct sl_io *io, int fd, void *buf, size_t size, off_t offset, const char *path,
                      struct sl_error *err);
/* Writes all. */
int sl_io_write(struct sl_io *io, int fd, const void *buf, size_t size, const char *path,
                struct sl_error *err);
/* A failed sync must stop the process: never retried. SL_EFAIL whatever the errno, never SL_EFULL. */
int sl_io_sync(struct sl_io *io, int fd, const char *path, struct sl_error *err);
/* Opens the directory, syncs, closes. */
int sl_io_sync_dir(struct sl_io *io, int dirfd, const char *path, struct sl_error *err);
/* mkdir -p with mode 0777 & ~umask (or `mode` for the last one where it is made). */
int sl_io_make_dirs(struct sl_io *io, int dirfd, const char *path, mode_t mode, struct sl_error *err);
/* rm -r, without following symlinks; a missing path is fine. */
int sl_io_remove_tree(struct sl_io *io, int dirfd, const char *path, struct sl_error *err);
/* A whole small file into malloc'ed, NUL-terminated memory; caller frees. Over `size_max`: an error. */
int sl_io_read_file(struct sl_io *io, int dirfd, const char *path, size_t size_max, char **ret,
                    size_t *ret_len, struct sl_error *err);
/* Makes a file of ours under a hidden name beside `path`; one that an earlier process left is replaced, and nothing
 * that others put there is opened or followed. ret_hidden: its name, `size` bytes. Returns the fd, or a failure. */
int sl_io_create_hidden(struct sl_io *io, int dirfd, const char *path, mode_t mode, char *ret_hidden,
                        size_t size, struct sl_error *err);
/* Writes a file under a hidden name beside it and renames it over `path`; no sync. */
int sl_io_replace_file(struct sl_io *io, int dirfd, const char *path, const void *buf, size_t size,
                       struct sl_error *err);
