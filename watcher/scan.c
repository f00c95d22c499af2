#include "watcher/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static int each_name(struct sl_io *io, DIR *dir, const char *path, int (*each)(void *arg, const char *name),
                     void *arg, struct sl_error *err)
{
    for (;;) {
        errno = 0;
        struct dirent *entry = io->ops->readdir(io, dir);
        if (!entry)
            return errno ? sl_error_sys(err, errno, "reading directory %s", path) : 0;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        int rc = each(arg, entry->d_name);
        if (rc)
            return rc;
    }
}

int sl_scan_open(struct sl_io *io, int dirfd, const char *name, const char *path, struct sl_error *err)
{
    int fd = sl_io_open(io, dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
    return fd < 0 && err && err->sys ? sl_error_sys(err, err->sys, "opening directory %s", path) : fd;
}

int sl_scan(struct sl_io *io, int dirfd, const char *name, const char *path,
            int (*each)(void *arg, const char *name), void *arg, struct sl_error *err)
{
    int fd = sl_scan_open(io, dirfd, name, path, err);
    return fd < 0 ? fd : sl_scan_names(io, fd, path, each, arg, err);
}

int sl_scan_names(struct sl_io *io, int fd, const char *path, int (*each)(void *arg, const char *name),
                  void *arg, struct sl_error *err)
{
    DIR *dir = io->ops->fdopendir(io, fd);
    if (!dir) {
        int rc = sl_error_sys(err, errno, "reading directory %s", path);
        sl_io_close(io, fd);
        return rc;
    }
    int rc = each_name(io, dir, path, each, arg, err);
    (void)io->ops->closedir(io, dir); /* nothing was written through it */
    return rc;
}
