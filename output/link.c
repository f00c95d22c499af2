#include "output/link.h"

#include "core/base/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

/* 1: a symlink or nothing has the name; 0: something else; or a failure. */
static int link_is_free(struct sl_io *io, int fd, const struct sl_output_dir *place, struct sl_error *err)
{
    struct statx st;
    if (io->ops->statx(io, fd, place->link, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st) == 0)
        return S_ISLNK(st.stx_mode);
    return errno == ENOENT ? 1 : sl_error_sys(err, errno, "looking at %s/%s", place->parent, place->link);
}

int sl_link_check(struct sl_io *io, int dirfd, const struct sl_output_dir *place, struct sl_error *err)
{
    struct sl_error opening = {0};
    int fd = sl_trust_open_dir(io, dirfd, place->parent, &opening);
    if (fd < 0 && opening.sys == ENOENT)
        return 0;
    if (fd < 0) {
        *err = opening;
        return fd;
    }
    int r = link_is_free(io, fd, place, err);
    sl_io_close(io, fd);
    if (r != 0)
        return r < 0 ? r : 0;
    return sl_error_set(
        err, SL_EUSAGE,
        "%s/%s is in the way of the link to the newest directory; move it away or set latest = "
        "false",
        place->parent, place->link);
}

static int link_replace(struct sl_io *io, int fd, const struct sl_output_dir *place, struct sl_error *err)
{
    int made = io->ops->symlinkat(io, place->name, fd, place->link_hidden);
    if (made < 0 && errno == EEXIST) { /* an earlier try left it */
        if (io->ops->unlinkat(io, fd, place->link_hidden, 0) < 0 && errno != ENOENT)
            return sl_error_sys(err, errno, "removing %s/%s", place->parent, place->link_hidden);
        made = io->ops->symlinkat(io, place->name, fd, place->link_hidden);
    }
    if (made < 0)
        return sl_error_sys(err, errno, "making link %s/%s", place->parent, place->link_hidden);
    if (io->ops->renameat2(io, fd, place->link_hidden, fd, place->link, 0) == 0)
        return 0;
    int r = sl_error_sys(err, errno, "swapping link %s/%s", place->parent, place->link);
    (void)io->ops->unlinkat(io, fd, place->link_hidden, 0); /* the failure that matters is reported */
    return r;
}

int sl_link_swap(struct sl_io *io, int fd, const struct sl_output_dir *place, struct sl_error *err)
{
    int r = link_is_free(io, fd, place, err);
    if (r > 0)
        r = link_replace(io, fd, place, err);
    return r < 0 ? r : 0;
}

static bool points_to_newest(struct sl_io *io, int fd, const struct sl_output_dir *place)
{
    char target[NAME_MAX + 2];
    ssize_t len = io->ops->readlinkat(io, fd, place->link, target, sizeof target);
    return len >= 0 && (size_t)len == strlen(place->name) && memcmp(target, place->name, (size_t)len) == 0;
}

static bool is_directory(struct sl_io *io, int fd, const char *name)
{
    struct statx st;
    return io->ops->statx(io, fd, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st) == 0 && S_ISDIR(st.stx_mode);
}

int sl_link_renew(struct sl_io *io, int dirfd, const struct sl_output_dir *place, struct sl_error *err)
{
    struct sl_error opening = {0};
    int fd = sl_trust_open_dir(io, dirfd, place->parent, &opening), r = 0;
    if (fd == SL_EUSAGE) {
        *err = opening;
        return fd;
    }
    if (fd < 0) /* what it made has been taken away */
        return 0;
    if (is_directory(io, fd, place->name) && !points_to_newest(io, fd, place))
        r = sl_link_swap(io, fd, place, err);
    sl_io_close(io, fd);
    return r;
}
