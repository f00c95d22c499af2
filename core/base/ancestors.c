#include "core/base/ancestors.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/* Syncs one directory that holds a name on the way. */
static int sync_holder(struct sl_io *io, int dirfd, const char *path, struct sl_error *err)
{
    struct sl_error failure = {0};
    int r = sl_io_sync_dir(io, dirfd, path, &failure);
    /* EACCES: not ours; EINVAL, EROFS: a file system on which there is nothing to sync. */
    if (r == 0 || failure.sys == EACCES || failure.sys == EINVAL || failure.sys == EROFS)
        return 0;
    if (err)
        *err = failure;
    return r;
}

/* "a/b/c": syncs ".", "a", "a/b"; "/a/b": "/", "/a". */
int sl_ancestors_sync(struct sl_io *io, int dirfd, const char *path, struct sl_error *err)
{
    sl_assert(path[0]);
    char holder[PATH_MAX];
    int r = sync_holder(io, dirfd, path[0] == '/' ? "/" : ".", err);
    for (size_t i = 1; r == 0 && path[i]; i++) {
        if (path[i] != '/' || path[i - 1] == '/' || path[i + 1] == 0)
            continue;
        memcpy(holder, path, i);
        holder[i] = 0;
        r = sync_holder(io, dirfd, holder, err);
    }
    return r;
}
