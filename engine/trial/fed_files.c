#include "engine/trial/fed_files.h"

#include "core/base/array.h"
#include "core/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- the door to files ---- */

static int open_given(struct sl_io *io, int dirfd, const char *path, int flags, mode_t mode)
{
    const struct sl_fed_files *given = (const struct sl_fed_files *)io;
    for (size_t i = 0; i < given->count; i++)
        if (strcmp(given->file[i].path, path) == 0)
            return fcntl(given->file[i].fd, F_DUPFD_CLOEXEC, 0);
    return sl_io_system.ops->openat(&sl_io_system, dirfd, path, flags, mode);
}

void sl_fed_files_init(struct sl_fed_files *given)
{
    *given = (struct sl_fed_files){.ops = *sl_io_system.ops};
    given->ops.openat = open_given;
    given->io.ops = &given->ops;
}

static void file_done(struct sl_fed_files_file *file)
{
    free(file->dir);
    free(file->path);
    if (file->fd >= 0)
        close(file->fd);
}

void sl_fed_files_done(struct sl_fed_files *given)
{
    for (size_t i = 0; i < given->count; i++)
        file_done(&given->file[i]);
    free(given->file);
    given->file = NULL;
    given->count = given->capacity = 0;
}

/* ---- adding ---- */

/* Takes over fd and path, which may be NULL. */
static int add(struct sl_fed_files *given, const char *dir, char *path, size_t batch, int fd,
               struct sl_error *err)
{
    struct sl_fed_files_file file = {strdup(dir), path, batch, fd};
    struct sl_fed_files_file *grown =
        sl_array_grow(given->file, given->count, &given->capacity, sizeof *grown);
    given->file = grown ? grown : given->file;
    if (!file.dir || !file.path || !grown) {
        file_done(&file);
        return sl_error_nomem(err);
    }
    given->file[given->count++] = file;
    return 0;
}

int sl_fed_files_add_file(struct sl_fed_files *given, const char *dir, const char *path, size_t batch,
                          struct sl_error *err)
{
    int fd = sl_io_open_file(&sl_io_system, AT_FDCWD, path, O_RDONLY, 0, err);
    if (fd < 0)
        return fd;
    return add(given, dir, strdup(path), batch, fd, err);
}

int sl_fed_files_add_text(struct sl_fed_files *given, const char *dir, size_t batch,
                          const struct sl_buf *text, struct sl_error *err)
{
    char *path;
    int fd = memfd_create("given", MFD_CLOEXEC);
    if (fd < 0)
        return sl_error_sys(err, errno, "making a file in memory");
    int r = sl_io_write(&sl_io_system, fd, text->bytes, text->len, dir, err);
    if (r < 0) {
        close(fd);
        return r;
    }
    if (asprintf(&path, "%s/batch-%zu", dir, batch + 1) < 0)
        path = NULL;
    return add(given, dir, path, batch, fd, err);
}

/* ---- arrivals ---- */

struct given_arrivals {
    struct sl_arrivals arrivals; /* first */
    struct sl_fed_files *given;
    char *dir;
};

static int take_file(const struct sl_fed_files_file *file, struct sl_files *ret, struct sl_error *err)
{
    struct statx info;
    if (statx(file->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &info) < 0)
        return sl_error_sys(err, errno, "looking at %s", file->path);
    const struct sl_file taken = {
        .path = file->path,
        .inode = info.stx_ino,
        .born_ns =
            info.stx_mask & STATX_BTIME ? sl_ns_of(info.stx_btime.tv_sec, info.stx_btime.tv_nsec) : INT64_MIN,
        .mtime_ns = sl_ns_of(info.stx_mtime.tv_sec, info.stx_mtime.tv_nsec),
        .size = (int64_t)info.stx_size,
    };
    return sl_files_add(ret, &taken) < 0 ? sl_error_nomem(err) : 0;
}

/* No limits: a batch is what the caller said it is. */
static int take(struct sl_arrivals *base, uint64_t files_max, uint64_t bytes_max, struct sl_files *ret,
                struct sl_error *err)
{
    const struct given_arrivals *arrivals = (const struct given_arrivals *)base;
    const struct sl_fed_files *given = arrivals->given;
    int r = 0;
    for (size_t i = 0; i < given->count && r == 0; i++)
        if (given->file[i].batch == given->batch && strcmp(given->file[i].dir, arrivals->dir) == 0)
            r = take_file(&given->file[i], ret, err);
    sl_files_sort(ret, 0);
    return r;
}

static bool nothing_pending(struct sl_arrivals *arrivals)
{
    return false;
}

static int nothing_to_scan(struct sl_arrivals *arrivals, struct sl_error *err)
{
    return 0;
}

static int nothing_to_remember(struct sl_arrivals *arrivals, const struct sl_files *files,
                               struct sl_error *err)
{
    return 0;
}

static int nothing_gone(struct sl_arrivals *arrivals, struct sl_files *ret, struct sl_error *err)
{
    return 0;
}

static void close_arrivals(struct sl_arrivals *base)
{
    struct given_arrivals *arrivals = (struct given_arrivals *)base;
    free(arrivals->dir);
    free(arrivals);
}

int sl_fed_files_open_arrivals(const struct sl_services *services, const char *dir,
                               const struct sl_arrivals_options *options, struct sl_arrivals **ret,
                               struct sl_error *err)
{
    static const struct sl_arrivals_ops ops = {
        .pending = nothing_pending,
        .refresh = nothing_to_scan,
        .take = take,
        .remember = nothing_to_remember,
        .gone = nothing_gone,
        .close = close_arrivals,
    };
    struct given_arrivals *arrivals = calloc(1, sizeof *arrivals);
    if (!arrivals || !(arrivals->dir = strdup(dir))) {
        free(arrivals);
        return sl_error_nomem(err);
    }
    arrivals->arrivals.ops = &ops;
    arrivals->given = services->arrivals_arg;
    *ret = &arrivals->arrivals;
    return 0;
}
