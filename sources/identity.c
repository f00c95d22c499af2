#include "sources/identity.h"

#include "core/base/clock.h"

static int64_t nanoseconds(const struct statx_timestamp *time)
{
    return sl_ns_of(time->tv_sec, time->tv_nsec);
}

bool sl_identity_unchanged(const struct statx *st, const struct sl_file *file)
{
    return (int64_t)st->stx_size == file->size && nanoseconds(&st->stx_mtime) == file->mtime_ns;
}

bool sl_identity_is(const struct statx *st, const struct sl_file *file)
{
    bool has_birth = st->stx_mask & STATX_BTIME;
    if (st->stx_ino != file->inode || !S_ISREG(st->stx_mode))
        return false;
    if (!has_birth || file->born_ns == INT64_MIN)
        return !has_birth && file->born_ns == INT64_MIN;
    return nanoseconds(&st->stx_btime) == file->born_ns;
}

struct sl_file sl_identity_of(const struct statx *st, const char *path)
{
    return (struct sl_file){
        .path = (char *)path,
        .inode = st->stx_ino,
        .born_ns = st->stx_mask & STATX_BTIME ? nanoseconds(&st->stx_btime) : INT64_MIN,
        .mtime_ns = nanoseconds(&st->stx_mtime),
        .size = (int64_t)st->stx_size,
    };
}
