/* Appending, syncing and removing. recover.c opens what an earlier process has left.
 *
 * What has been appended is published by one assignment under the lock, after the write: a batch sees whole frames
 * only. A write that fails is taken back by truncating, so the file always ends with a whole frame while the process
 * lives. A segment is synced before the next one begins; a new segment is durable, with its name and its first frame,
 * before anything else is appended to it. */
#include "receive/log/log.h"

#include "core/base/array.h"
#include "core/base/limits.h"
#include "receive/log/log_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* ---- segments ---- */

void sl_received_segment_name(const struct sl_received_segment *segment, char name[static 32])
{
    snprintf(name, 32, "%" PRIu64 ".log", segment->first);
}

void sl_received_segment_free(struct sl_received_segment *segment)
{
    if (!segment)
        return;
    if (segment->fd >= 0)
        sl_io_close(segment->log->options.io, segment->fd);
    free(segment->mark);
    free(segment);
}

struct sl_received_segment *sl_received_log_last(const struct sl_received_log *log)
{
    return log->segments ? log->segment[log->segments - 1] : NULL;
}

/* The list moves when it grows. */
struct sl_received_segment *sl_received_log_segment(struct sl_received_log *log, size_t i)
{
    pthread_mutex_lock(&log->lock);
    struct sl_received_segment *segment = log->segment[i];
    pthread_mutex_unlock(&log->lock);
    return segment;
}

struct sl_received_segment *sl_received_segment_new(struct sl_received_log *log, uint64_t first)
{
    struct sl_received_segment *segment = calloc(1, sizeof *segment);
    if (segment)
        *segment = (struct sl_received_segment){
            .log = log, .first = first, .end = first, .size = SL_RECEIVED_SEGMENT_HEADER, .fd = -1};
    return segment;
}

bool sl_received_log_add_segment(struct sl_received_log *log, struct sl_received_segment *segment)
{
    pthread_mutex_lock(&log->lock);
    struct sl_received_segment **grown =
        sl_array_grow(log->segment, log->segments, &log->segments_capacity, sizeof *grown);
    if (grown) {
        log->segment = grown;
        grown[log->segments++] = segment;
    }
    pthread_mutex_unlock(&log->lock);
    return grown != NULL;
}

int sl_received_segment_add_frame(struct sl_received_segment *segment, const struct sl_received_frame *frame,
                                  size_t size)
{
    int64_t cell = segment->size / SL_SPLIT_BYTES;
    if (segment->marks == 0 || segment->mark[segment->marks - 1].offset / SL_SPLIT_BYTES < cell) {
        struct sl_received_segment_mark *grown =
            sl_array_grow(segment->mark, segment->marks, &segment->marks_capacity, sizeof *grown);
        if (!grown)
            return SL_ENOMEM;
        segment->mark = grown;
        grown[segment->marks++] = (struct sl_received_segment_mark){segment->size, segment->end};
    }
    segment->size += (int64_t)size;
    segment->end += frame->count;
    return 0;
}

int sl_received_log_damaged(const struct sl_received_log *log, struct sl_error *err, const char *format, ...)
{
    char what[512];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return sl_error_set(
        err, SL_EDAMAGED,
        "received log %s is damaged: %s; restore it from a backup, or remove the directory to give "
        "up what no batch has used and start over with sluice reset --yes",
        log->dir ? log->dir : "in memory", what);
}

/* ---- opening ---- */

int sl_received_log_open(const struct sl_received_log_options *options, struct sl_received_log **ret,
                         struct sl_error *err)
{
    struct sl_received_log *log = calloc(1, sizeof *log);
    if (!log)
        return sl_error_nomem(err);
    log->options = *options;
    log->dirfd = -1;
    pthread_mutex_init(&log->lock, NULL);
    if (options->dir && !(log->dir = strdup(options->dir))) {
        sl_received_log_close(log);
        return sl_error_nomem(err);
    }
    log->options.dir = log->dir;
    *ret = log;
    return 0;
}

void sl_received_log_close(struct sl_received_log *log)
{
    if (!log)
        return;
    for (size_t i = 0; i < log->segments; i++)
        sl_received_segment_free(log->segment[i]);
    if (log->dirfd >= 0)
        sl_io_close(log->options.io, log->dirfd);
    pthread_mutex_destroy(&log->lock);
    sl_buf_done(&log->buf);
    free(log->segment);
    free(log->dir);
    free(log);
}

static int open_dir(struct sl_received_log *log, struct sl_error *err)
{
    struct sl_io *io = log->options.io;
    if (!log->dir || log->dirfd >= 0)
        return 0;
    int r = sl_io_make_dirs(io, AT_FDCWD, log->dir, 0700, err);
    r = r < 0 ? r : sl_io_open(io, AT_FDCWD, log->dir, O_RDONLY | O_DIRECTORY, 0, err);
    if (r < 0)
        return r;
    log->dirfd = r;
    char parent[4096]; /* the directory itself, and received/ that holds it */
    int len = snprintf(parent, sizeof parent, "%s/..", log->dir);
    r = len < (int)sizeof parent ? sl_io_sync_dir(io, AT_FDCWD, parent, err) : 0;
    len = snprintf(parent, sizeof parent, "%s/../..", log->dir);
    return r < 0 ? r : len < (int)sizeof parent ? sl_io_sync_dir(io, AT_FDCWD, parent, err) : 0;
}

/* ---- a new segment ---- */

static int make_file(struct sl_received_log *log, const struct sl_received_segment *segment,
                     struct sl_error *err)
{
    char name[32];
    sl_received_segment_name(segment, name);
    if (log->dir)
        return sl_io_open(log->options.io, log->dirfd, name, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600,
                          err);
    int fd = memfd_create(name, MFD_CLOEXEC);
    return fd < 0 ? sl_error_sys(err, errno, "making a log in memory") : fd;
}

/* Before the operator's own, so that these are the newest. */
static bool add_others(struct sl_received_log *log, const struct sl_received_segment *segment)
{
    const struct sl_received_positions *positions = &log->options.positions;
    struct sl_received_frame frame = {.kind = SL_RECEIVED_FRAME_POSITIONS, .first = segment->first};
    bool ok = true;
    for (size_t i = 0; ok && positions->other && positions->other(positions->arg, i, &frame); i++)
        ok = sl_received_frame_append(&log->buf, &frame, segment->salt);
    return ok;
}

/* Header and positions in one write, synced with the name. */
static int write_head(struct sl_received_log *log, struct sl_received_segment *segment,
                      struct sl_received_frame *head, struct sl_error *err)
{
    struct sl_io *io = log->options.io;
    uint8_t header[SL_RECEIVED_SEGMENT_HEADER];
    char name[32];
    SL_CLEANUP(sl_buf_done) struct sl_buf positions = {0};
    sl_received_segment_name(segment, name);
    sl_received_segment_header_write(header, segment->salt, segment->first);
    sl_buf_clear(&log->buf);
    if (!log->options.positions.snapshot(log->options.positions.arg, &positions))
        return sl_error_nomem(err);
    const char *writer = log->options.writer ? log->options.writer : "";
    *head = (struct sl_received_frame){.kind = SL_RECEIVED_FRAME_POSITIONS,
                                       .first = segment->first,
                                       .position = (const uint8_t *)writer,
                                       .position_len = (uint32_t)strlen(writer),
                                       .body = positions.bytes,
                                       .body_len = (uint32_t)positions.len};
    if (!sl_buf_append(&log->buf, header, sizeof header) || !add_others(log, segment) ||
        !sl_received_frame_append(&log->buf, head, segment->salt))
        return sl_error_nomem(err);
    int r = sl_io_write(io, segment->fd, log->buf.bytes, log->buf.len, name, err);
    if (r < 0 || !log->dir)
        return r;
    r = sl_io_sync(io, segment->fd, name, err);
    return r < 0 ? r : sl_io_sync(io, log->dirfd, log->dir, err);
}

static int fill_segment(struct sl_received_log *log, struct sl_received_segment *segment,
                        struct sl_error *err)
{
    struct sl_received_frame head;
    int r = segment->fd = make_file(log, segment, err);
    if (r < 0)
        return r;
    (void)!getrandom(&segment->salt, sizeof segment->salt, GRND_NONBLOCK); /* zero is a salt, too */
    r = write_head(log, segment, &head, err);
    if (r == 0 &&
        sl_received_segment_add_frame(segment, &head, log->buf.len - SL_RECEIVED_SEGMENT_HEADER) < 0)
        r = sl_error_nomem(err);
    return r;
}

/* The list does not hold the segment before it is whole: the main thread removes from the front meanwhile. */
static int begin_segment(struct sl_received_log *log, struct sl_error *err)
{
    char name[32];
    int r = open_dir(log, err);
    if (r < 0)
        return r;
    struct sl_received_segment *segment =
        sl_received_segment_new(log, log->end); /* only this thread changes the end */
    if (!segment)
        return sl_error_nomem(err);
    r = fill_segment(log, segment, err);
    if (r == 0 && !sl_received_log_add_segment(log, segment))
        r = sl_error_nomem(err);
    if (r == 0)
        return 0;
    sl_received_segment_name(segment, name);
    if (log->dir && segment->fd >= 0)
        (void)log->options.io->ops->unlinkat(log->options.io, log->dirfd, name, 0); /* it is tried again */
    sl_received_segment_free(segment);
    return r;
}

/* ---- append ---- */

static void publish(struct sl_received_log *log, struct sl_received_segment *segment,
                    const struct sl_received_frame *frame, size_t size)
{
    pthread_mutex_lock(&log->lock);
    if (sl_received_segment_add_frame(segment, frame, size) < 0) { /* without the mark: a split is longer */
        segment->size += (int64_t)size;
        segment->end += frame->count;
    }
    log->end = segment->end;
    log->appended += size;
    log->unused += frame->count ? size : 0;
    pthread_mutex_unlock(&log->lock);
}

/* The file ends again where it ended before. */
static int take_back(struct sl_received_log *log, const struct sl_received_segment *segment, int r,
                     struct sl_error *err)
{
    struct sl_io *io = log->options.io;
    char name[32];
    sl_received_segment_name(segment, name);
    if (io->ops->ftruncate(io, segment->fd, segment->size) < 0 ||
        lseek(segment->fd, segment->size, SEEK_SET) < 0) {
        log->is_broken = true;
        return sl_error_sys(err, errno, "taking back a write to %s/%s", log->dir ? log->dir : "memory", name);
    }
    return r;
}

/* The main thread removes segments from the front of the list meanwhile, and never the last one. */
static struct sl_received_segment *last_segment(struct sl_received_log *log)
{
    pthread_mutex_lock(&log->lock);
    struct sl_received_segment *last = sl_received_log_last(log);
    pthread_mutex_unlock(&log->lock);
    return last;
}

static bool is_segment_full(const struct sl_received_log *log, const struct sl_received_segment *segment)
{
    return segment->size >= log->options.segment_bytes && segment->end > segment->first;
}

static int prepare(struct sl_received_log *log, struct sl_error *err)
{
    struct sl_received_segment *last = last_segment(log);
    if (log->is_broken)
        return sl_error_set(err, SL_EFAIL, "the received log %s cannot be continued",
                            log->dir ? log->dir : "");
    if (last && !is_segment_full(log, last))
        return 0;
    int r = last ? sl_received_log_sync(log, err) : 0;
    return r < 0 ? r : begin_segment(log, err);
}

int sl_received_log_append(struct sl_received_log *log, struct sl_received_frame *frame, struct sl_error *err)
{
    char name[32];
    int r = prepare(log, err);
    if (r < 0)
        return r;
    struct sl_received_segment *segment = last_segment(log);
    frame->first = log->end; /* only this thread changes it */
    sl_buf_clear(&log->buf);
    if (!sl_received_frame_append(&log->buf, frame, segment->salt))
        return sl_error_nomem(err);
    sl_received_segment_name(segment, name);
    r = sl_io_write(log->options.io, segment->fd, log->buf.bytes, log->buf.len, name, err);
    if (r < 0)
        return take_back(log, segment, r, err);
    publish(log, segment, frame, log->buf.len);
    if (log->buf.capacity > 4 * SL_READ_BYTES)
        sl_buf_done(&log->buf); /* of a long record */
    return 0;
}

/* ---- what others see ---- */

uint64_t sl_received_log_end(struct sl_received_log *log)
{
    pthread_mutex_lock(&log->lock);
    uint64_t end = log->end;
    pthread_mutex_unlock(&log->lock);
    return end;
}

uint64_t sl_received_log_unused_bytes(struct sl_received_log *log)
{
    pthread_mutex_lock(&log->lock);
    uint64_t bytes = log->unused;
    pthread_mutex_unlock(&log->lock);
    return bytes;
}

/* Earlier segments were synced when the last one began. A segment is closed by the main thread only, and never the
 * last one: its file stays open for as long as this takes. */
int sl_received_log_sync(struct sl_received_log *log, struct sl_error *err)
{
    char name[32];
    pthread_mutex_lock(&log->lock);
    const struct sl_received_segment *last = sl_received_log_last(log);
    uint64_t appended = log->appended;
    bool is_dirty = log->dir && last && appended > log->synced;
    pthread_mutex_unlock(&log->lock);
    if (!is_dirty)
        return 0;
    sl_received_segment_name(last, name);
    int r = sl_io_sync(log->options.io, last->fd, name, err);
    if (r < 0)
        return sl_error_wrap(err, "received log %s", log->dir);
    pthread_mutex_lock(&log->lock);
    log->synced = appended > log->synced ? appended : log->synced;
    pthread_mutex_unlock(&log->lock);
    return 0;
}

/* ---- removing ---- */

static bool is_kept(const struct sl_received_log *log, const struct sl_received_segment *segment)
{
    struct sl_io *io = log->options.io;
    struct statx st;
    struct timespec now;
    char name[32];
    if (!log->options.keep_ms || !log->dir)
        return false;
    sl_received_segment_name(segment, name);
    if (io->ops->statx(io, log->dirfd, name, AT_SYMLINK_NOFOLLOW, STATX_MTIME, &st) < 0)
        return errno != ENOENT;
    clock_gettime(CLOCK_REALTIME, &now);
    return (now.tv_sec - st.stx_mtime.tv_sec) * 1000 < log->options.keep_ms;
}

static void remove_file(struct sl_received_log *log, const struct sl_received_segment *segment)
{
    struct sl_io *io = log->options.io;
    char name[32];
    sl_received_segment_name(segment, name);
    if (log->dir && io->ops->unlinkat(io, log->dirfd, name, 0) < 0 && errno != ENOENT)
        sl_log(log->options.log, SL_LOG_WARNING, "removing %s/%s: %s; it is not needed any more", log->dir,
               name, strerror(errno));
}

static void close_file(struct sl_received_segment *segment)
{
    if (segment->fd >= 0)
        sl_io_close(segment->log->options.io, segment->fd);
    segment->fd = -1;
}

/* How many segments from the first on no batch needs. */
static size_t count_unneeded(const struct sl_received_log *log)
{
    size_t n = 0;
    while (n + 1 < log->segments && log->segment[n]->end <= log->used)
        n++;
    return n;
}

/* Bytes after record log->used: whole segments, and of the one it lies in a share. */
static uint64_t unused_bytes(const struct sl_received_log *log)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < log->segments; i++) {
        const struct sl_received_segment *segment = log->segment[i];
        uint64_t records = segment->end - segment->first;
        uint64_t left = segment->end > log->used ? segment->end - log->used : 0;
        if (left >= records)
            bytes += records ? (uint64_t)segment->size : 0;
        else
            bytes += (uint64_t)((double)segment->size * ((double)left / (double)records));
    }
    return bytes;
}

static void forget_first(struct sl_received_log *log)
{
    pthread_mutex_lock(&log->lock);
    struct sl_received_segment *segment = log->segment[0];
    memmove(log->segment, log->segment + 1, --log->segments * sizeof *log->segment);
    pthread_mutex_unlock(&log->lock);
    sl_received_segment_free(segment);
}

void sl_received_log_used(struct sl_received_log *log, uint64_t to)
{
    pthread_mutex_lock(&log->lock);
    log->used = to > log->used ? to : log->used;
    log->unused = unused_bytes(log);
    size_t unneeded = count_unneeded(log);
    pthread_mutex_unlock(&log->lock);
    for (size_t i = 0; i < unneeded; i++)
        close_file(sl_received_log_segment(log, i));
    for (; unneeded && !is_kept(log, sl_received_log_segment(log, 0)); unneeded--) {
        remove_file(log, sl_received_log_segment(log, 0));
        forget_first(log);
    }
}
