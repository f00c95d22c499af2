#include "sources/move.h"

#include "core/base/error.h"
#include "core/base/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COPY_BYTES = 256 << 10, NAMES_TRIED_MAX = 1000 };

static bool exists(struct sl_io *io, int dirfd, const char *path)
{
    struct statx st;
    return io->ops->statx(io, dirfd, path, AT_SYMLINK_NOFOLLOW, STATX_INO, &st) == 0;
}

/* Some file systems cannot rename without replacing; there a look before has to do. */
static int rename_gently(struct sl_io *io, int dirfd, const char *from, const char *to)
{
    int r = io->ops->renameat2(io, dirfd, from, dirfd, to, RENAME_NOREPLACE);
    if (r == 0 || (errno != EINVAL && errno != ENOSYS))
        return r;
    if (!exists(io, dirfd, to))
        return io->ops->renameat2(io, dirfd, from, dirfd, to, 0);
    errno = EEXIST;
    return -1;
}

int sl_move_back(struct sl_io *io, int dirfd, const char *from, const char *path)
{
    return rename_gently(io, dirfd, from, path);
}

/* ---- into the archive ---- */

/* The name to try: as it is, then with the batch's time, then counted. False: no name is left. */
static bool name_in(char path[SL_MOVE_PATH_MAX], const char *archive, const char *name, int64_t t,
                    int attempt)
{
    int len;
    if (attempt == 0)
        len = snprintf(path, SL_MOVE_PATH_MAX, "%s/%s", archive, name);
    else if (attempt == 1)
        len = snprintf(path, SL_MOVE_PATH_MAX, "%s/%s.%lld", archive, name, (long long)t);
    else
        len = snprintf(path, SL_MOVE_PATH_MAX, "%s/%s.%lld.%d", archive, name, (long long)t, attempt - 1);
    return len < SL_MOVE_PATH_MAX && attempt < NAMES_TRIED_MAX;
}

static int rename_into(struct sl_io *io, int dirfd, const char *from, const char *archive, const char *name,
                       int64_t t)
{
    char path[SL_MOVE_PATH_MAX];
    errno = ENAMETOOLONG;
    for (int attempt = 0; name_in(path, archive, name, t, attempt); attempt++) {
        int r = rename_gently(io, dirfd, from, path);
        if (r == 0 || errno != EEXIST)
            return r;
    }
    return -1;
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
    return got < 0 ? (int)got : r < 0 ? r : sl_io_sync(io, to, path, err);
}

/* to: beside which the copy lies under a hidden name, ret_hidden. */
static int copy_file(struct sl_io *io, int dirfd, const char *from, const char *to,
                     char ret_hidden[SL_MOVE_PATH_MAX], struct sl_error *err)
{
    struct stat st;
    int in = sl_io_open(io, dirfd, from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, err);
    if (in < 0)
        return in;
    int r = io->ops->fstat(io, in, &st) < 0 ? sl_error_sys(err, errno, "reading %s", from) : 0;
    if (r == 0 && !S_ISREG(st.st_mode))
        r = sl_error_set(err, SL_EFAIL, "reading %s: it is no regular file any more", from);
    int out =
        r < 0 ? r : sl_io_create_hidden(io, dirfd, to, st.st_mode & 0777, ret_hidden, SL_MOVE_PATH_MAX, err);
    if (out >= 0) {
        r = copy_bytes(io, in, out, to, err);
        sl_io_close(io, out);
        if (r < 0)
            (void)io->ops->unlinkat(io, dirfd, ret_hidden, 0); /* the failure that matters is in err */
    }
    sl_io_close(io, in);
    return out < 0 ? out : r;
}

/* To another file system: complete and synced under a hidden name, then named, then the original goes. */
static int copy_into(struct sl_io *io, int dirfd, const char *from, const char *archive, const char *name,
                     int64_t t, struct sl_error *err)
{
    char beside[SL_MOVE_PATH_MAX], hidden[SL_MOVE_PATH_MAX];
    if (snprintf(beside, sizeof beside, "%s%s", archive, strrchr(from, '/')) >= SL_MOVE_PATH_MAX)
        return sl_error_set(err, SL_EFAIL, "moving it to %s: the path is too long", archive);
    int r = copy_file(io, dirfd, from, beside, hidden, err);
    if (r < 0)
        return r;
    if (rename_into(io, dirfd, hidden, archive, name, t) < 0)
        r = sl_error_sys(err, errno, "moving it to %s", archive);
    if (r < 0) {
        (void)io->ops->unlinkat(io, dirfd, hidden, 0); /* the failure that matters is told already */
        return r;
    }
    r = sl_io_sync_dir(io, dirfd, archive, err);
    if (r == 0 && io->ops->unlinkat(io, dirfd, from, 0) < 0)
        r = sl_error_sys(err, errno, "deleting it, which is copied to %s", archive);
    return r;
}

int sl_move_into(struct sl_io *io, int dirfd, const char *from, const char *archive, const char *name,
                 int64_t t, struct sl_error *err)
{
    struct statx st;
    int r = sl_trust_links(io, dirfd, archive, err);
    if (r < 0)
        return r;
    if (rename_into(io, dirfd, from, archive, name, t) == 0)
        return 0;
    if (errno != EXDEV)
        return sl_error_sys(err, errno, "moving it to %s", archive);
    if (io->ops->statx(io, dirfd, from, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st) == 0 && S_ISDIR(st.stx_mode))
        return sl_error_set(
            err, SL_EFAIL,
            "the archive %s lies on another file system, where a directory cannot be moved at once; "
            "put the archive on the same one",
            archive);
    return copy_into(io, dirfd, from, archive, name, t, err);
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
