#include "sources/put_marker_away.h"

#include "core/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct marker {
    char path[SL_MOVE_PATH_MAX]; /* relative to the job's directory */
    const char *name;            /* in path */
    char hidden[112], copy[112]; /* names in the archive */
};

/* False: the job has none, or its name would be too long to exist. */
static bool name_marker(const struct sl_file_source *source, const struct sl_arrival *arrival,
                        struct marker *ret)
{
    const char *complete = source->options.arrivals.complete,
               *percent = complete ? strchr(complete, '%') : NULL;
    if (!percent ||
        snprintf(ret->path, sizeof ret->path, "%s/%.*s%s%s", source->options.dir, (int)(percent - complete),
                 complete, strrchr(arrival->path, '/') + 1, percent + 1) >= SL_MOVE_PATH_MAX ||
        snprintf(ret->hidden, sizeof ret->hidden, "%s.marker", arrival->archived) >=
            (int)sizeof ret->hidden ||
        snprintf(ret->copy, sizeof ret->copy, "%s.marker.copy", arrival->archived) >= (int)sizeof ret->copy)
        return false;
    ret->name = strrchr(ret->path, '/') + 1;
    return true;
}

/* 1: a regular file is there; 0: not; or a failure. */
static int is_there(struct sl_io *io, int dirfd, const char *path, uint32_t *ret_uid, struct sl_error *err)
{
    struct statx st;
    if (io->ops->statx(io, dirfd, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &st) < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : sl_error_sys(err, errno, "looking at %s", path);
    *ret_uid = st.stx_uid;
    return S_ISREG(st.stx_mode);
}

static int delete_marker(const struct sl_file_source *source, const struct marker *marker,
                         struct sl_error *err)
{
    struct sl_io *io = source->services->io;
    if (io->ops->unlinkat(io, source->services->job_dirfd, marker->path, 0) == 0 || errno == ENOENT)
        return 0;
    return sl_error_sys(err, errno, "deleting its marker %s", marker->path);
}

static int to_archive_failed(const struct sl_put_away *put_away, struct sl_error *err)
{
    return sl_error_sys(err, errno, "moving its marker to %s", put_away->source->options.archive);
}

/* From `from` to its name in the archive, which is open. 0, or -1 and errno. */
static int show(const struct sl_put_away *put_away, const struct marker *marker, int dirfd, const char *from)
{
    return sl_move_show(put_away->source->services->io, dirfd, from, put_away->archive_fd, marker->name,
                        put_away->batch_ms);
}

static int show_copy(const struct sl_put_away *put_away, const struct marker *marker, struct sl_error *err)
{
    if (show(put_away, marker, put_away->archive_fd, marker->hidden) == 0)
        return 0;
    return to_archive_failed(put_away, err);
}

/* Where a copy of an earlier try is left alone, it is of that. */
static int show_left(struct sl_put_away *put_away, const struct marker *marker, struct sl_error *err)
{
    uint32_t uid = 0;
    if (put_away->source->options.after != SL_AFTER_ARCHIVE)
        return 0;
    int r = sl_put_away_open_archive(put_away, err);
    r = r < 0 ? r : is_there(put_away->source->services->io, put_away->archive_fd, marker->hidden, &uid, err);
    return r > 0 && uid == geteuid() ? show_copy(put_away, marker, err) : r < 0 ? r : 0;
}

static int copy_marker(struct sl_put_away *put_away, const struct marker *marker, struct sl_error *err)
{
    const struct sl_services *services = put_away->source->services;
    struct sl_io *io = services->io;
    int archive_fd = put_away->archive_fd;
    int r = sl_io_remove_tree(io, archive_fd, marker->copy, err);
    r = r < 0 ? r
              : sl_move_copy(io, services->job_dirfd, marker->path, archive_fd, marker->copy, false,
                             &put_away->sync_failed, err);
    if (r == 0 && io->ops->renameat2(io, archive_fd, marker->copy, archive_fd, marker->hidden, 0) < 0)
        r = to_archive_failed(put_away, err);
    if (r < 0) {
        (void)sl_io_remove_tree(io, archive_fd, marker->copy, NULL); /* the failure that matters is in err */
        return r;
    }
    r = sl_put_away_sync_archive(put_away, err);
    r = r < 0 ? r : delete_marker(put_away->source, marker, err);
    return r < 0 ? r : show_copy(put_away, marker, err);
}

static int archive_marker(struct sl_put_away *put_away, const struct marker *marker, struct sl_error *err)
{
    int r = sl_put_away_open_archive(put_away, err);
    if (r < 0 || show(put_away, marker, put_away->source->services->job_dirfd, marker->path) == 0)
        return r;
    return errno == EXDEV ? copy_marker(put_away, marker, err) : to_archive_failed(put_away, err);
}

int sl_put_marker_away(struct sl_put_away *put_away, const struct sl_arrival *arrival, struct sl_error *err)
{
    struct marker marker;
    uint32_t uid;
    const struct sl_file_source *source = put_away->source;
    if (source->options.after == SL_AFTER_KEEP || !name_marker(source, arrival, &marker))
        return 0;
    int r = is_there(source->services->io, source->services->job_dirfd, marker.path, &uid, err);
    if (r <= 0)
        return r < 0 ? r : show_left(put_away, &marker, err);
    r = sl_arrival_is_there(put_away, arrival, err); /* else it may be that of the next file of the name */
    if (r <= 0)
        return r;
    put_away->any_renamed = true;
    return source->options.after == SL_AFTER_DELETE ? delete_marker(source, &marker, err)
                                                    : archive_marker(put_away, &marker, err);
}
