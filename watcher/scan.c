#include "watcher/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

int sl_scan_begin(struct sl_io *io, int fd, const char *path, struct sl_scan *ret, struct sl_error *err)
{
    DIR *dir = io->ops->fdopendir(io, fd);
    if (!dir) {
        int rc = sl_error_sys(err, errno, "reading directory %s", path);
        sl_io_close(io, fd);
        return rc;
    }
    *ret = (struct sl_scan){io, path, dir, false};
    return 0;
}

int sl_scan_next(struct sl_scan *scan, const char **ret, struct sl_error *err)
{
    *ret = NULL;
    while (!scan->is_at_end) {
        errno = 0;
        struct dirent *entry = scan->io->ops->readdir(scan->io, scan->dir);
        if (!entry && errno)
            return sl_error_sys(err, errno, "reading directory %s", scan->path);
        scan->is_at_end = !entry;
        if (entry && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            *ret = entry->d_name;
            return 0;
        }
    }
    return 0;
}

void sl_scan_end(struct sl_scan *scan)
{
    (void)scan->io->ops->closedir(scan->io, scan->dir); /* nothing was written through it */
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
    struct sl_scan scan;
    const char *name;
    int rc = sl_scan_begin(io, fd, path, &scan, err);
    if (rc)
        return rc;
    while ((rc = sl_scan_next(&scan, &name, err)) == 0 && name)
        if ((rc = each(arg, name)))
            break;
    sl_scan_end(&scan);
    return rc;
}
