/* What an earlier process has left: every frame that may still be needed is read and checked once. */
#include "core/base/limits.h"
#include "receive/log/log_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the list ---- */

static bool parse_name(const char *name, uint64_t *ret)
{
    char again[32], *end;
    errno = 0;
    uint64_t first = strtoull(name, &end, 10);
    snprintf(again, sizeof again, "%" PRIu64 ".log", first);
    *ret = first;
    return errno == 0 && strcmp(name, again) == 0;
}

static int compare_segments(const void *left, const void *right)
{
    const struct sl_received_segment *a = *(struct sl_received_segment *const *)left,
                                     *b = *(struct sl_received_segment *const *)right;
    return (a->first > b->first) - (a->first < b->first);
}

static int read_names(struct sl_received_log *log, DIR *dir, struct sl_error *err)
{
    struct sl_io *io = log->options.io;
    struct dirent *entry;
    uint64_t first;
    while (errno = 0, (entry = io->ops->readdir(io, dir))) {
        if (!parse_name(entry->d_name, &first))
            continue;
        struct sl_received_segment *segment = sl_received_segment_new(log, first);
        if (!segment || !sl_received_log_add_segment(log, segment)) {
            sl_received_segment_free(segment);
            return sl_error_nomem(err);
        }
    }
    return errno ? sl_error_sys(err, errno, "reading the directory %s", log->dir) : 0;
}

/* Without a directory there is nothing yet. */
static int list_segments(struct sl_received_log *log, struct sl_error *err)
{
    struct sl_io *io = log->options.io;
    int fd = sl_io_open(io, AT_FDCWD, log->dir, O_RDONLY | O_DIRECTORY, 0, err);
    if (fd < 0)
        return err->sys == ENOENT ? 0 : fd;
    log->dirfd = fd;
    fd = sl_io_open(io, log->dirfd, ".", O_RDONLY | O_DIRECTORY, 0, err);
    if (fd < 0)
        return fd;
    DIR *dir = io->ops->fdopendir(io, fd);
    if (!dir) {
        int r = sl_error_sys(err, errno, "reading the directory %s", log->dir);
        sl_io_close(io, fd);
        return r;
    }
    int r = read_names(log, dir, err);
    io->ops->closedir(io, dir);
    if (log->segments)
        qsort(log->segment, log->segments, sizeof *log->segment, compare_segments);
    return r;
}

/* ---- one segment ---- */

struct loading {
    struct sl_received_segment *segment;
    bool is_last;
    uint64_t bytes;  /* of frames */
    bool is_damaged; /* a frame is as it was written, and is not what may be there */
    struct sl_error *err;
};

static int load_frame(void *arg, const struct sl_received_frame *frame, int64_t offset, size_t size)
{
    struct loading *loading = arg;
    struct sl_received_segment *segment = loading->segment;
    const struct sl_received_positions *positions = &segment->log->options.positions;
    if (frame->first != segment->end) {
        loading->is_damaged = true;
        return sl_received_log_damaged(segment->log, loading->err,
                                       "record %" PRIu64 " follows record %" PRIu64 " of %" PRIu64 ".log",
                                       frame->first, segment->end, segment->first);
    }
    segment->size = offset;
    loading->bytes += size;
    if (sl_received_segment_add_frame(segment, frame, size) < 0)
        return sl_error_nomem(loading->err);
    int r = loading->is_last ? positions->restore(positions->arg, frame, loading->err) : 0;
    loading->is_damaged = r < 0;
    return r;
}

static int open_segment(struct sl_received_segment *segment, int64_t *ret_size, struct sl_error *err)
{
    struct sl_io *io = segment->log->options.io;
    char name[32];
    struct stat st;
    sl_received_segment_name(segment, name);
    segment->fd = sl_io_open_file(io, segment->log->dirfd, name, O_RDWR | O_NOFOLLOW, 0, err);
    if (segment->fd < 0)
        return segment->fd;
    if (io->ops->fstat(io, segment->fd, &st) < 0)
        return sl_error_sys(err, errno, "looking at %s/%s", segment->log->dir, name);
    *ret_size = st.st_size;
    return 0;
}

/* Whether a good frame begins anywhere in [from, to). The salt makes sure that no sender has written it. */
static int find_good(const struct sl_received_segment *segment, int64_t from, int64_t to, bool *ret_found,
                     struct sl_error *err)
{
    struct sl_io *io = segment->log->options.io;
    size_t len = (size_t)(to - from);
    uint8_t *bytes = malloc(len + 1);
    if (!bytes)
        return sl_error_nomem(err);
    ssize_t got = sl_io_read_at(io, segment->fd, bytes, len, (off_t)from, "a segment", err);
    *ret_found = false;
    for (ssize_t at = 1; at + SL_RECEIVED_FRAME_HEADER <= got && !*ret_found; at++) {
        const uint8_t *magic = memmem(bytes + at, (size_t)(got - at), "slrf", 4);
        if (!magic || magic + SL_RECEIVED_FRAME_HEADER > bytes + got)
            break;
        at = magic - bytes;
        size_t size = sl_received_frame_size(magic);
        struct sl_received_frame frame;
        *ret_found =
            size && size <= (size_t)(got - at) && sl_received_frame_read(magic, size, segment->salt, &frame);
    }
    free(bytes);
    return got < 0 ? (int)got : 0;
}

/* What follows the last good frame of the last segment was being written when the process ended. */
static int cut_torn(struct sl_received_segment *segment, int64_t size, struct sl_error *err)
{
    struct sl_received_log *log = segment->log;
    struct sl_io *io = log->options.io;
    bool is_good_later;
    char name[32];
    sl_received_segment_name(segment, name);
    int r = find_good(segment, segment->size, size, &is_good_later, err);
    if (r < 0)
        return r;
    if (is_good_later)
        return sl_received_log_damaged(log, err, "%s, byte %" PRId64 ", and there are sound records after it",
                                       name, segment->size);
    sl_log(log->options.log, SL_LOG_WARNING,
           "received log %s/%s: the last %" PRId64 " bytes were not written whole and are removed", log->dir,
           name, size - segment->size);
    if (io->ops->ftruncate(io, segment->fd, segment->size) < 0)
        return sl_error_sys(err, errno, "truncating %s/%s", log->dir, name);
    return sl_io_sync(io, segment->fd, name, err);
}

static int load_frames(struct loading *loading, int64_t size)
{
    struct sl_received_segment *segment = loading->segment;
    int64_t at;
    int r = sl_received_segment_each(segment, SL_RECEIVED_SEGMENT_HEADER, size, load_frame, loading, &at,
                                     loading->err);
    if (r == SL_EDAMAGED && loading->is_last && !loading->is_damaged && at == segment->size)
        return cut_torn(segment, size, loading->err);
    return r;
}

/* A segment that was being made when the process ended has no whole head: nothing was in it yet. */
static bool is_unfinished(const struct sl_received_segment *segment, int64_t size)
{
    uint8_t bytes[SL_RECEIVED_SEGMENT_HEADER] = {0};
    static const uint8_t nothing[SL_RECEIVED_SEGMENT_HEADER];
    struct sl_io *io = segment->log->options.io;
    ssize_t got = sl_io_read_at(io, segment->fd, bytes, sizeof bytes, 0, "a segment", NULL);
    return size < SL_RECEIVED_SEGMENT_HEADER ||
           (got == SL_RECEIVED_SEGMENT_HEADER && memcmp(bytes, nothing, sizeof bytes) == 0);
}

/* 1: the last segment turned out to be unfinished. */
static int load_segment(struct loading *loading)
{
    struct sl_received_segment *segment = loading->segment;
    struct sl_received_log *log = segment->log;
    uint8_t header[SL_RECEIVED_SEGMENT_HEADER];
    char name[32];
    int64_t size;
    int r = open_segment(segment, &size, loading->err);
    if (r < 0)
        return r;
    sl_received_segment_name(segment, name);
    ssize_t got = sl_io_read_at(log->options.io, segment->fd, header, sizeof header, 0, name, loading->err);
    if (got < 0)
        return (int)got;
    if (got == sizeof header && sl_received_segment_header_read(header, segment->first, &segment->salt))
        return load_frames(loading, size);
    return loading->is_last && is_unfinished(segment, size)
               ? 1
               : sl_received_log_damaged(log, loading->err, "the head of %s", name);
}

static int drop_unfinished(struct sl_received_log *log, struct sl_error *err)
{
    struct sl_received_segment *segment = log->segment[--log->segments];
    struct sl_io *io = log->options.io;
    char name[32];
    sl_received_segment_name(segment, name);
    int r = io->ops->unlinkat(io, log->dirfd, name, 0) < 0
                ? sl_error_sys(err, errno, "removing %s/%s", log->dir, name)
                : sl_io_sync(io, log->dirfd, log->dir, err);
    sl_received_segment_free(segment);
    return r;
}

/* ---- all of them ---- */

/* The last segment first: it may turn out to be none. */
static int load_last(struct sl_received_log *log, uint64_t *bytes, struct sl_error *err)
{
    int r = 1;
    while (r == 1 && log->segments) {
        struct loading loading = {.segment = sl_received_log_last(log), .is_last = true, .err = err};
        r = load_segment(&loading);
        *bytes += loading.bytes;
        if (r == 1) {
            r = drop_unfinished(log, err);
            r = r < 0 ? r : 1;
        }
    }
    return r == 1 ? 0 : r;
}

/* Segments between `needed` and the last one; those before it are not looked into. */
static int load_others(struct sl_received_log *log, uint64_t needed, uint64_t *bytes, struct sl_error *err)
{
    int r = 0;
    for (size_t i = 0; i + 1 < log->segments && r == 0; i++) {
        struct sl_received_segment *segment = log->segment[i];
        struct loading loading = {.segment = segment, .err = err};
        uint64_t next = log->segment[i + 1]->first;
        if (next <= needed) {
            segment->end = next;
            continue;
        }
        r = load_segment(&loading);
        *bytes += loading.bytes;
        if (r == 0 && segment->end != next)
            r = sl_received_log_damaged(log, err, "records %" PRIu64 " to %" PRIu64 " are missing",
                                        segment->end, next);
    }
    return r;
}

static int check_needed(const struct sl_received_log *log, uint64_t needed, struct sl_error *err)
{
    uint64_t first = log->segments ? log->segment[0]->first : 0;
    if (needed > log->end || needed < first)
        return sl_received_log_damaged(
            log, err, "it holds records %" PRIu64 " to %" PRIu64 ", and %" PRIu64 " is the next one", first,
            log->end, needed);
    return 0;
}

int sl_received_log_recover(struct sl_received_log *log, uint64_t needed, struct sl_error *err)
{
    uint64_t bytes = 0;
    int r = log->dir ? list_segments(log, err) : 0;
    r = r < 0 ? r : load_last(log, &bytes, err);
    r = r < 0 ? r : load_others(log, needed, &bytes, err);
    if (r < 0)
        return r;
    const struct sl_received_segment *last = sl_received_log_last(log);
    log->end = last ? last->end : 0;
    if (last && lseek(last->fd, last->size, SEEK_SET) < 0)
        return sl_error_sys(err, errno, "received log %s", log->dir);
    r = check_needed(log, needed, err);
    if (r < 0)
        return r;
    /* What the last process wrote may not be durable yet. */
    log->appended = bytes;
    r = sl_received_log_sync(log, err);
    if (r == 0)
        sl_received_log_used(log, needed);
    return r;
}
