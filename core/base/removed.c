#include "core/base/removed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

uint64_t sl_mount_of(const struct statx *st)
{
    return st->stx_mask & STATX_MNT_ID ? st->stx_mnt_id
                                       : (uint64_t)st->stx_dev_major << 32 | st->stx_dev_minor;
}

static int look_at(struct sl_io *io, int dirfd, const char *path, int flags, struct statx *ret)
{
    return io->ops->statx(io, dirfd, path, flags, STATX_BASIC_STATS | STATX_MNT_ID, ret);
}

/* Shortens the path to that of the directory above it. False: that is where relative paths begin, or the root. */
static bool cut_last(char *path)
{
    char *slash = strrchr(path, '/');
    while (slash > path && slash[-1] == '/')
        slash--;
    if (!slash || slash == path)
        return false;
    *slash = 0;
    return true;
}

/* Of the directories above the path, which is changed. */
static bool find_nearest(struct sl_io *io, int dirfd, char *path, struct statx *ret)
{
    while (cut_last(path)) {
        if (look_at(io, dirfd, path, 0, ret) == 0)
            return true;
        if (errno != ENOENT)
            return false;
    }
    return look_at(io, dirfd, path[0] == '/' ? "/" : ".", 0, ret) == 0;
}

bool sl_path_is_absent(struct sl_io *io, int dirfd, const char *path, const char *base, uint64_t *ret_mount)
{
    struct statx st;
    if (look_at(io, dirfd, path, AT_SYMLINK_NOFOLLOW, &st) == 0 || errno != ENOENT ||
        look_at(io, dirfd, base, 0, &st) < 0 || !S_ISDIR(st.stx_mode))
        return false;
    char *above = strdup(path);
    bool is_found = above && find_nearest(io, dirfd, above, &st);
    free(above);
    if (is_found)
        *ret_mount = sl_mount_of(&st);
    return is_found;
}
