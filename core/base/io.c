#include "core/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- the system's own ---- */

static int open_without_links(int dirfd, const char *path, int flags, mode_t mode)
{
    const struct open_how how = {
        .flags = (uint64_t)flags, .mode = flags & O_CREAT ? mode : 0, .resolve = RESOLVE_NO_SYMLINKS};
    return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof how);
}

static int system_openat(struct sl_io *io, int dirfd, const char *path, int flags, mode_t mode)
{
    if (flags & SL_IO_NO_LINKS)
        return open_without_links(dirfd, path, flags & ~SL_IO_NO_LINKS, mode);
    return openat(dirfd, path, flags, mode);
}

static int system_close(struct sl_io *io, int fd)
{
    return close(fd);
}

static ssize_t system_pread(struct sl_io *io, int fd, void *buf, size_t size, off_t offset)
{
    return pread(fd, buf, size, offset);
}

static ssize_t system_write(struct sl_io *io, int fd, const void *buf, size_t size)
{
    return write(fd, buf, size);
}

static ssize_t system_pwrite(struct sl_io *io, int fd, const void *buf, size_t size, off_t offset)
{
    return pwrite(fd, buf, size, offset);
}

static int system_fsync(struct sl_io *io, int fd)
{
    return fsync(fd);
}

static int system_start_writeback(struct sl_io *io, int fd)
{
    return sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

static int system_mkdirat(struct sl_io *io, int dirfd, const char *path, mode_t mode)
{
    return mkdirat(dirfd, path, mode);
}

static int system_unlinkat(struct sl_io *io, int dirfd, const char *path, int flags)
{
    return unlinkat(dirfd, path, flags);
}

static int system_renameat2(struct sl_io *io, int from_dirfd, const char *from, int to_dirfd, const char *to,
                            unsigned flags)
{
    return renameat2(from_dirfd, from, to_dirfd, to, flags);
}

static int system_symlinkat(struct sl_io *io, const char *target, int dirfd, const char *path)
{
    return symlinkat(target, dirfd, path);
}

static ssize_t system_readlinkat(struct sl_io *io, int dirfd, const char *path, char *buf, size_t size)
{
    return readlinkat(dirfd, path, buf, size);
}

static int system_statx(struct sl_io *io, int dirfd, const char *path, int flags, unsigned mask,
                        struct statx *ret)
{
    return statx(dirfd, path, flags, mask, ret);
}

static int system_fstat(struct sl_io *io, int fd, struct stat *ret)
{
    return fstat(fd, ret);
}

static DIR *system_fdopendir(struct sl_io *io, int fd)
{
    return fdopendir(fd);
}

static struct dirent *system_readdir(struct sl_io *io, DIR *dir)
{
    return readdir(dir);
}

static int system_closedir(struct sl_io *io, DIR *dir)
{
    return closedir(dir);
}

static int system_ftruncate(struct sl_io *io, int fd, off_t size)
{
    return ftruncate(fd, size);
}

static off_t system_seek(struct sl_io *io, int fd, off_t from, int whence)
{
    return lseek(fd, from, whence);
}

static const struct sl_io_ops system_ops = {
    .openat = system_openat,
    .close = system_close,
    .pread = system_pread,
    .write = system_write,
    .pwrite = system_pwrite,
    .fsync = system_fsync,
    .start_writeback = system_start_writeback,
    .mkdirat = system_mkdirat,
    .unlinkat = system_unlinkat,
    .renameat2 = system_renameat2,
    .symlinkat = system_symlinkat,
    .readlinkat = system_readlinkat,
    .statx = system_statx,
    .fstat = system_fstat,
    .fdopendir = system_fdopendir,
    .readdir = system_readdir,
    .closedir = system_closedir,
    .ftruncate = system_ftruncate,
    .seek = system_seek,
};

struct sl_io sl_io_system = {&system_ops};

/* ---- helpers ---- */

int sl_io_open(struct sl_io *io, int dirfd, const char *path, int flags, mode_t mode, struct sl_error *err)
{
    int fd;
    do
        fd = io->ops->openat(io, dirfd, path, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    return fd < 0 ? sl_error_sys(err, errno, "opening %s", path) : fd;
}

static int not_a_file(const char *path, struct sl_error *err)
{
    return sl_error_set(err, SL_EFAIL, "%s is not a regular file", path);
}

int sl_io_open_file(struct sl_io *io, int dirfd, const char *path, int flags, mode_t mode,
                    struct sl_error *err)
{
    struct stat st;
    int fd = sl_io_open(io, dirfd, path, flags | O_NONBLOCK | O_NOCTTY, mode, err);
    if (fd < 0)
        return fd;
    int r = io->ops->fstat(io, fd, &st) < 0 ? sl_error_sys(err, errno, "looking at %s", path)
            : S_ISREG(st.st_mode)           ? 0
                                            : not_a_file(path, err);
    if (r == 0)
        return fd;
    sl_io_close(io, fd);
    return r;
}

int sl_io_check_file(struct sl_io *io, int dirfd, const char *path, struct sl_error *err)
{
    struct statx st;
    if (io->ops->statx(io, dirfd, path, 0, STATX_TYPE, &st) < 0 || S_ISREG(st.stx_mode))
        return 0;
    return not_a_file(path, err);
}

void sl_io_close(struct sl_io *io, int fd)
{
    int saved = errno;
    (void)io->ops->close(io, fd); /* what matters was synced before */
    errno = saved;
}

ssize_t sl_io_read_at(struct sl_io *io, int fd, void *buf, size_t size, off_t offset, const char *path,
                      struct sl_error *err)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = io->ops->pread(io, fd, (char *)buf + done, size - done, offset + (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return sl_error_sys(err, errno, "reading %s", path);
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

int sl_io_write(struct sl_io *io, int fd, const void *buf, size_t size, const char *path,
                struct sl_error *err)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = io->ops->write(io, fd, (const char *)buf + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return sl_error_sys(err, n ? errno : EIO, "writing %s", path);
        done += (size_t)n;
    }
    return 0;
}

int sl_io_sync(struct sl_io *io, int fd, const char *path, struct sl_error *err)
{
    if (io->ops->fsync(io, fd) == 0)
        return 0;
    (void)sl_error_sys(err, errno, "syncing %s", path); /* its code may say that waiting helps: it does not */
    if (err)
        err->code = SL_EFAIL;
    return SL_EFAIL;
}

int sl_io_sync_dir(struct sl_io *io, int dirfd, const char *path, struct sl_error *err)
{
    int fd = sl_io_open(io, dirfd, path, O_RDONLY | O_DIRECTORY, 0, err);
    if (fd < 0)
        return fd;
    int r = sl_io_sync(io, fd, path, err);
    sl_io_close(io, fd);
    return r;
}

/* Makes the directory `path`; one that exists is fine. */
static int make_dir(struct sl_io *io, int dirfd, const char *path, mode_t mode, struct sl_error *err)
{
    struct statx st;
    if (io->ops->mkdirat(io, dirfd, path, mode) == 0)
        return 0;
    int sys = errno;
    bool there = sys == EEXIST && io->ops->statx(io, dirfd, path, 0, STATX_TYPE, &st) == 0;
    if (there && S_ISDIR(st.stx_mode))
        return 0;
    return sl_error_sys(err, there ? ENOTDIR : sys, "making directory %s", path);
}

int sl_io_make_dirs(struct sl_io *io, int dirfd, const char *path, mode_t mode, struct sl_error *err)
{
    char prefix[PATH_MAX];
    size_t len = strlen(path);
    if (len >= sizeof prefix)
        return sl_error_sys(err, ENAMETOOLONG, "making directory %s", path);
    memcpy(prefix, path, len + 1);
    for (size_t i = 1; i < len; i++) {
        if (prefix[i] != '/' || prefix[i - 1] == '/')
            continue;
        prefix[i] = 0;
        int r = make_dir(io, dirfd, prefix, 0777, err);
        if (r < 0)
            return r;
        prefix[i] = '/';
    }
    return len ? make_dir(io, dirfd, path, mode, err) : 0;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Trees that we remove are ours and at most this deep. */
enum { REMOVE_DEPTH_MAX = 8, CREATE_ATTEMPTS_MAX = 3 };

static int remove_at(struct sl_io *io, int dirfd, const char *path, int depth, struct sl_error *err);

static int remove_children(struct sl_io *io, int dirfd, const char *path, int depth, struct sl_error *err)
{
    int fd = sl_io_open(io, dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
    if (fd < 0)
        return fd;
    DIR *dir = io->ops->fdopendir(io, fd);
    if (!dir) {
        int r = sl_error_sys(err, errno, "reading directory %s", path);
        sl_io_close(io, fd);
        return r;
    }
    int r = 0;
    for (struct dirent *entry; r == 0 && (entry = io->ops->readdir(io, dir));)
        if (!is_dots(entry->d_name))
            r = remove_at(io, fd, entry->d_name, depth + 1, err);
    (void)io->ops->closedir(io, dir); /* nothing was written through it */
    return r;
}

static int remove_at(struct sl_io *io, int dirfd, const char *path, int depth, struct sl_error *err)
{
    if (io->ops->unlinkat(io, dirfd, path, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return sl_error_sys(err, errno, "removing %s", path);
    if (depth >= REMOVE_DEPTH_MAX)
        return sl_error_set(err, SL_EFAIL, "removing %s: directories nested too deep", path);
    int r = remove_children(io, dirfd, path, depth, err);
    if (r < 0)
        return r;
    if (io->ops->unlinkat(io, dirfd, path, AT_REMOVEDIR) < 0 && errno != ENOENT)
        return sl_error_sys(err, errno, "removing %s", path);
    return 0;
}

int sl_io_remove_tree(struct sl_io *io, int dirfd, const char *path, struct sl_error *err)
{
    return remove_at(io, dirfd, path, 0, err);
}

int sl_io_read_file(struct sl_io *io, int dirfd, const char *path, size_t size_max, char **ret,
                    size_t *ret_len, struct sl_error *err)
{
    int fd = sl_io_open_file(io, dirfd, path, O_RDONLY, 0, err);
    if (fd < 0)
        return fd;
    struct stat st;
    int r = io->ops->fstat(io, fd, &st) < 0 ? sl_error_sys(err, errno, "reading %s", path) : 0;
    if (r == 0 && (uint64_t)st.st_size > size_max)
        r = sl_error_set(err, SL_EFAIL, "reading %s: more than %zu bytes", path, size_max);
    char *text = r == 0 ? malloc((size_t)st.st_size + 1) : NULL;
    if (r == 0 && !text)
        r = sl_error_nomem(err);
    ssize_t len = r == 0 ? sl_io_read_at(io, fd, text, (size_t)st.st_size, 0, path, err) : r;
    sl_io_close(io, fd);
    if (len < 0) {
        free(text);
        return (int)len;
    }
    text[len] = 0;
    *ret = text;
    *ret_len = (size_t)len;
    return 0;
}

/* ".<name>.sluice-tmp" beside path, or with a number in place of "tmp". */
static int hidden_beside(const char *path, const char *number, char *hidden, size_t size,
                         struct sl_error *err)
{
    const char *slash = strrchr(path, '/');
    int dir_len = slash ? (int)(slash - path) + 1 : 0;
    int len = snprintf(hidden, size, "%.*s.%s.sluice-%s", dir_len, path, path + dir_len, number);
    return len < 0 || (size_t)len >= size ? sl_error_sys(err, ENAMETOOLONG, "writing %s", path) : 0;
}

/* Nothing is there, or it is another user's or a directory: then opening fails, and another name is tried. */
static bool is_left_to_open(int sys)
{
    return sys == ENOENT || sys == EPERM || sys == EACCES || sys == EISDIR;
}

/* What an earlier process left under the name is removed. Where others may write the directory they could have put
 * something there again, a link perhaps: it is never opened, and names that cannot be guessed come next. */
int sl_io_create_hidden(struct sl_io *io, int dirfd, const char *path, mode_t mode, char *ret_hidden,
                        size_t size, struct sl_error *err)
{
    char number[32] = "tmp";
    struct sl_error failure = {0};
    for (int attempt = 0;; attempt++) {
        int r = hidden_beside(path, number, ret_hidden, size, err);
        if (r < 0)
            return r;
        int fd = sl_io_open(io, dirfd, ret_hidden, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode, &failure);
        if (fd < 0 && failure.sys == EEXIST && attempt < CREATE_ATTEMPTS_MAX) {
            uint64_t random = 0;
            if (io->ops->unlinkat(io, dirfd, ret_hidden, 0) < 0 && !is_left_to_open(errno))
                return sl_error_sys(err, errno, "removing %s", ret_hidden);
            if (attempt == 0)
                continue;
            (void)!getrandom(&random, sizeof random, 0); /* the name is then taken once more at most */
            snprintf(number, sizeof number, "%016llx", (unsigned long long)random);
            continue;
        }
        if (fd < 0 && err)
            *err = failure;
        return fd;
    }
}

int sl_io_replace_file(struct sl_io *io, int dirfd, const char *path, const void *buf, size_t size,
                       struct sl_error *err)
{
    char hidden[PATH_MAX];
    int fd = sl_io_create_hidden(io, dirfd, path, 0666, hidden, sizeof hidden, err);
    if (fd < 0)
        return fd;
    int r = sl_io_write(io, fd, buf, size, path, err);
    sl_io_close(io, fd);
    if (r == 0 && io->ops->renameat2(io, dirfd, hidden, dirfd, path, 0) < 0)
        r = sl_error_sys(err, errno, "renaming %s to %s", hidden, path);
    if (r < 0)
        (void)io->ops->unlinkat(io, dirfd, hidden, 0); /* the first failure is the one reported */
    return r;
}
