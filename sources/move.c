#include "sources/move.h"

#include "core/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COPY_BYTES = 256 << 10, NAMES_TRIED_MAX = 1000 };

static bool exists(struct sl_io *io, int dirfd, const char *path)
{
    struct statx st;
    return io->ops->statx(io, dirfd, path, AT_SYMLINK_NOFOLLOW, STATX_INO, &st) == 0;
}

/* Some file systems cannot rename without replacing; there a look before has to do. */
static int rename_gently(struct sl_io *io, int from_dirfd, const char *from, int dirfd, const char *to)
{
    int r = io->ops->renameat2(io, from_dirfd, from, dirfd, to, RENAME_NOREPLACE);
    if (r == 0 || (errno != EINVAL && errno != ENOSYS))
        return r;
    if (!exists(io, dirfd, to))
        return io->ops->renameat2(io, from_dirfd, from, dirfd, to, 0);
    errno = EEXIST;
    return -1;
}

int sl_move_back(struct sl_io *io, int from_dirfd, const char *from, int dirfd, const char *path)
{
    return rename_gently(io, from_dirfd, from, dirfd, path);
}

/* ---- into the archive ---- */

/* How many bytes of the name can be kept before an ending of `end` bytes. A sequence of UTF-8 is not cut. */
static int kept_len(const char *name, int end)
{
    int len = (int)strlen(name), max = NAME_MAX - end;
    if (len <= max)
        return len;
    for (int back = 0; back < 3 && ((uint8_t)name[max] & 0xC0) == 0x80; back++)
        max--;
    return max;
}

/* The name to try: as it is, then with the batch's time, then counted; cut where it would be too long. False: no name is
 * left. */
static bool name_in(char ret[NAME_MAX + 1], const char *name, int64_t t, int attempt)
{
    char end[48] = "";
    int end_len = 0;
    if (attempt == 1)
        end_len = snprintf(end, sizeof end, ".%lld", (long long)t);
    else if (attempt > 1)
        end_len = snprintf(end, sizeof end, ".%lld.%d", (long long)t, attempt - 1);
    snprintf(ret, NAME_MAX + 1, "%.*s%s", kept_len(name, end_len), name, end);
    return attempt < NAMES_TRIED_MAX;
}

int sl_move_show(struct sl_io *io, int from_dirfd, const char *from, int archive_fd, const char *name,
                 int64_t t)
{
    char free_name[NAME_MAX + 1];
    int r = -1;
    errno = EEXIST;
    for (int attempt = 0; r < 0 && errno == EEXIST && name_in(free_name, name, t, attempt); attempt++)
        r = rename_gently(io, from_dirfd, from, archive_fd, free_name);
    return r;
}

/* ---- copies ---- */

static int sync_copy(struct sl_io *io, int fd, const char *path, bool *ret_sync_failed, struct sl_error *err)
{
    int r = sl_io_sync(io, fd, path, err);
    *ret_sync_failed = *ret_sync_failed || r < 0;
    return r;
}

static int copy_bytes(struct sl_io *io, int from, int to, const char *path, struct sl_error *err)
{
    uint8_t *piece = malloc(COPY_BYTES);
    ssize_t got = piece ? 1 : sl_error_nomem(err);
    int r = 0;
    for (off_t at = 0; got > 0 && r == 0; at += got) {
        got = sl_io_read_at(io, from, piece, COPY_BYTES, at, path, err);
        if (got > 0)
            r = sl_io_write(io, to, piece, (size_t)got, path, err);
    }
    free(piece);
    return got < 0 ? (int)got : r;
}

/* With its times and mode. */
static int copy_file(struct sl_io *io, int from_fd, const char *from, int to_fd, const char *to,
                     bool *ret_sync_failed, struct sl_error *err)
{
    struct stat st;
    int in = sl_io_open(io, from_fd, from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, err);
    if (in < 0)
        return in;
    int r = io->ops->fstat(io, in, &st) < 0 ? sl_error_sys(err, errno, "reading %s", from) : 0;
    if (r == 0 && !S_ISREG(st.st_mode))
        r = sl_error_set(err, SL_EFAIL, "%s is no regular file", from);
    int out =
        r < 0 ? r
              : sl_io_open(io, to_fd, to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, st.st_mode & 0777, err);
    if (out >= 0) {
        const struct timespec times[] = {st.st_atim, st.st_mtim};
        r = copy_bytes(io, in, out, to, err);
        (void)futimens(out, times); /* nothing depends on it */
        r = r < 0 ? r : sync_copy(io, out, to, ret_sync_failed, err);
        sl_io_close(io, out);
    }
    sl_io_close(io, in);
    return out < 0 ? out : r;
}

static int copy_entries(struct sl_io *io, DIR *listing, int from, int to, bool *ret_sync_failed,
                        struct sl_error *err)
{
    int r = 0;
    errno = 0;
    for (struct dirent *entry; r == 0 && (entry = io->ops->readdir(io, listing)); errno = 0)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            r = copy_file(io, from, entry->d_name, to, entry->d_name, ret_sync_failed, err);
    return r < 0 ? r : errno ? sl_error_sys(err, errno, "reading it") : 0;
}

static int copy_directory(struct sl_io *io, int from, int to, bool *ret_sync_failed, struct sl_error *err)
{
    int fd = sl_io_open(io, from, ".", O_RDONLY | O_DIRECTORY, 0, err);
    if (fd < 0)
        return fd;
    DIR *listing = io->ops->fdopendir(io, fd);
    if (!listing) {
        int r = sl_error_sys(err, errno, "reading it");
        sl_io_close(io, fd);
        return r;
    }
    int r = copy_entries(io, listing, from, to, ret_sync_failed, err);
    (void)io->ops->closedir(io, listing); /* nothing was written through it */
    return r < 0 ? r : sync_copy(io, to, "its copy", ret_sync_failed, err);
}

int sl_move_copy(struct sl_io *io, int from_dirfd, const char *from, int to_dirfd, const char *to,
                 bool is_directory, bool *ret_sync_failed, struct sl_error *err)
{
    if (!is_directory)
        return copy_file(io, from_dirfd, from, to_dirfd, to, ret_sync_failed, err);
    if (io->ops->mkdirat(io, to_dirfd, to, 0777) < 0)
        return sl_error_sys(err, errno, "making directory %s", to);
    int in = sl_io_open(io, from_dirfd, from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
    int out = in < 0 ? in : sl_io_open(io, to_dirfd, to, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
    struct stat st;
    int r = out < 0                            ? out
            : io->ops->fstat(io, out, &st) < 0 ? sl_error_sys(err, errno, "looking at %s", to)
                                               : 0;
    if (r == 0 && st.st_uid != geteuid())
        r = sl_error_set(err, SL_EFAIL, "%s is another user's", to);
    r = r < 0 ? r : copy_directory(io, in, out, ret_sync_failed, err);
    if (in >= 0)
        sl_io_close(io, in);
    if (out >= 0)
        sl_io_close(io, out);
    return r;
}

/* ---- directories ---- */

static bool is_ignored(const char *name)
{
    static const char *const endings[] = {"~", ".tmp", ".part"};
    size_t len = strlen(name);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t end_len = strlen(endings[i]);
        if (len >= end_len && strcmp(name + len - end_len, endings[i]) == 0)
            return true;
    }
    return name[0] == '.' || name[0] == '_';
}

int sl_move_count_names(struct sl_io *io, int dirfd, const char *dir, size_t *ret, struct sl_error *err)
{
    int fd = sl_io_open(io, dirfd, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
    if (fd < 0)
        return fd;
    DIR *listing = io->ops->fdopendir(io, fd);
    if (!listing) {
        int r = sl_error_sys(err, errno, "reading %s", dir);
        sl_io_close(io, fd);
        return r;
    }
    *ret = 0;
    errno = 0;
    for (struct dirent *entry; (entry = io->ops->readdir(io, listing)); errno = 0)
        *ret += !is_ignored(entry->d_name);
    int r = errno ? sl_error_sys(err, errno, "reading %s", dir) : 0;
    (void)io->ops->closedir(io, listing); /* nothing was written */
    return r;
}
