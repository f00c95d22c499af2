#include "sources/put_marker_away.h"

#include "core/base/error.h"
#include "core/base/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct marker {
    char path[SL_MOVE_PATH_MAX], hidden[SL_MOVE_PATH_MAX], copy[SL_MOVE_PATH_MAX];
    const char *name; /* in path */
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
        snprintf(ret->hidden, sizeof ret->hidden, "%s.marker", arrival->archived) >= SL_MOVE_PATH_MAX ||
        snprintf(ret->copy, sizeof ret->copy, "%s.marker.copy", arrival->archived) >= SL_MOVE_PATH_MAX)
        return false;
    ret->name = strrchr(ret->path, '/') + 1;
    return true;
}

/* 1: a regular file is there; 0: not; or a failure. */
static int is_there(const struct sl_file_source *source, const char *path, uint32_t *ret_uid,
                    struct sl_error *err)
{
    struct statx st;
    struct sl_io *io = source->services->io;
    if (io->ops->statx(io, source->services->job_dirfd, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &st) <
        0)
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

static int show(const struct sl_put_away *put_away, const struct marker *marker, const char *hidden,
                struct sl_error *err)
{
    const struct sl_file_source *source = put_away->source;
    return sl_move_show(source->services->io, source->services->job_dirfd, hidden, source->options.archive,
                        marker->name, put_away->batch_ms, err);
}

/* Where a copy of an earlier try is left alone, it is of that. */
static int show_left(const struct sl_put_away *put_away, const struct marker *marker, struct sl_error *err)
{
    uint32_t uid = 0;
    if (put_away->source->options.after != SL_AFTER_ARCHIVE)
        return 0;
    int r = is_there(put_away->source, marker->hidden, &uid, err);
    return r > 0 && uid == geteuid() ? show(put_away, marker, marker->hidden, err) : r < 0 ? r : 0;
}

static int copy_marker(struct sl_put_away *put_away, const struct marker *marker, struct sl_error *err)
{
    const struct sl_services *services = put_away->source->services;
    struct sl_io *io = services->io;
    int dirfd = services->job_dirfd;
    int r = sl_io_remove_tree(io, dirfd, marker->copy, err);
    r = r < 0 ? r : sl_move_copy(io, dirfd, marker->path, marker->copy, false, &put_away->sync_failed, err);
    if (r == 0 && io->ops->renameat2(io, dirfd, marker->copy, dirfd, marker->hidden, 0) < 0)
        r = sl_error_sys(err, errno, "moving its marker to %s", put_away->source->options.archive);
    if (r < 0) {
        (void)sl_io_remove_tree(io, dirfd, marker->copy, NULL); /* the failure that matters is in err */
        return r;
    }
    r = sl_io_sync_dir(io, dirfd, put_away->source->options.archive, err);
    put_away->sync_failed = put_away->sync_failed || r < 0;
    r = r < 0 ? r : delete_marker(put_away->source, marker, err);
    return r < 0 ? r : show(put_away, marker, marker->hidden, err);
}

static int archive_marker(struct sl_put_away *put_away, const struct marker *marker, struct sl_error *err)
{
    const struct sl_services *services = put_away->source->services;
    struct sl_error why = {0};
    int r = sl_trust_links(services->io, services->job_dirfd, put_away->source->options.archive, err);
    if (r < 0)
        return r;
    r = show(put_away, marker, marker->path, &why);
    if (r < 0 && why.sys == EXDEV)
        return copy_marker(put_away, marker, err);
    if (r < 0)
        *err = why;
    return r;
}

int sl_put_marker_away(struct sl_put_away *put_away, const struct sl_arrival *arrival, struct sl_error *err)
{
    struct marker marker;
    uint32_t uid;
    const struct sl_file_source *source = put_away->source;
    if (source->options.after == SL_AFTER_KEEP || !name_marker(source, arrival, &marker))
        return 0;
    int r = is_there(source, marker.path, &uid, err);
    if (r <= 0)
        return r < 0 ? r : show_left(put_away, &marker, err);
    r = sl_arrival_is_there(put_away, arrival, err); /* else it may be that of the next file of the name */
    if (r <= 0)
        return r;
    put_away->any_renamed = true;
    return source->options.after == SL_AFTER_DELETE ? delete_marker(source, &marker, err)
                                                    : archive_marker(put_away, &marker, err);
}
