#include "sources/planned_file.h"

#include "core/base/error.h"
#include "sources/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* How many names the path has. */
static size_t count_names(const char *path)
{
    size_t names = 0;
    for (path += strspn(path, "/"); *path; path += strspn(path, "/")) {
        path += strcspn(path, "/");
        names++;
    }
    return names;
}

/* What is left of the path after this number of names. */
static const char *skip_names(const char *path, size_t names)
{
    path += strspn(path, "/");
    while (names-- > 0) {
        path += strcspn(path, "/");
        path += strspn(path, "/");
    }
    return path;
}

/* Directories of which others choose the names: opened one by one from `fd`, which it takes over. */
static int open_below(struct sl_io *io, int fd, const char *path, const char *shown, int flags,
                      struct sl_error *err)
{
    char name[NAME_MAX + 1];
    for (const char *slash; fd >= 0 && (slash = strchr(path, '/'));) {
        int len = snprintf(name, sizeof name, "%.*s", (int)(slash - path), path);
        int next = len < (int)sizeof name
                       ? sl_io_open(io, fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, err)
                       : sl_error_sys(err, ENAMETOOLONG, "opening %s", shown);
        sl_io_close(io, fd);
        fd = next;
        path = slash + strspn(slash, "/");
    }
    if (fd < 0)
        return fd;
    int file = sl_io_open(io, fd, path, flags, 0, err);
    sl_io_close(io, fd);
    return file;
}

/* The watched directory is as many names as the job gives, also where those are patterns. */
static int open_path(const struct sl_file_source *source, const char *path, int flags, struct sl_error *err)
{
    char dir[PATH_MAX];
    struct sl_error why = {0};
    const struct sl_services *services = source->services;
    const char *below = skip_names(path, count_names(source->options.dir));
    if (services->trial || !strchr(below, '/')) /* files of a trial may lie anywhere: its io has them open */
        return sl_io_open(services->io, services->job_dirfd, path, flags, 0, err);
    int len = snprintf(dir, sizeof dir, "%.*s", (int)(below - path), path);
    if (len >= (int)sizeof dir)
        return sl_error_sys(err, ENAMETOOLONG, "opening %s", path);
    int fd = sl_io_open(services->io, services->job_dirfd, len ? dir : ".", O_PATH | O_DIRECTORY, 0, &why);
    fd = fd < 0 ? fd : open_below(services->io, fd, below, path, flags, &why);
    return fd < 0 && why.sys ? sl_error_sys(err, why.sys, "opening %s", path) : fd;
}

int sl_planned_file_open(struct sl_file_source *source, const struct sl_file *file, struct sl_error *err)
{
    struct sl_io *io = source->services->io;
    struct statx st;
    int fd = open_path(source, file->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, err);
    if (fd < 0)
        return fd;
    int r = 0;
    if (io->ops->statx(io, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &st) < 0)
        r = sl_error_sys(err, errno, "reading %s", file->path);
    else if (!sl_identity_is(&st, file))
        r = sl_error_set(err, SL_EFAIL, "reading %s: another file has taken its place", file->path);
    else if ((int64_t)st.stx_size < file->size)
        r = sl_error_set(err, SL_EFAIL, "reading %s: it shrank from %lld to %llu bytes", file->path,
                         (long long)file->size, (unsigned long long)st.stx_size);
    if (r < 0)
        sl_io_close(io, fd);
    return r < 0 ? r : fd;
}

/* Whether there are `enough` bytes that are no hole. */
static bool has_data(struct sl_io *io, int fd, int64_t enough)
{
    off_t at = 0;
    for (int64_t stored = 0; stored < enough;) {
        off_t from = io->ops->seek(io, fd, at, SEEK_DATA);
        if (from < 0)
            return errno != ENXIO; /* a file system that does not know holes */
        at = io->ops->seek(io, fd, from, SEEK_HOLE);
        if (at <= from)
            return true;
        stored += at - from;
    }
    return true;
}

bool sl_planned_file_is_hollow(struct sl_file_source *source, const struct sl_file *file)
{
    struct sl_io *io = source->services->io;
    struct sl_error ignored;
    int fd = file->size > SL_HOLLOW_MIN ? sl_planned_file_open(source, file, &ignored) : -1;
    if (fd < 0)
        return false; /* reading it reports why */
    bool is = !has_data(io, fd, file->size / SL_HOLLOW_RATIO);
    sl_io_close(io, fd);
    return is;
}
