/* Ranges of records and the splits they are read in.
 *
 * A split owns the frames that begin in its SL_SPLIT_BYTES of the segment's file, as a split of a plain file owns
 * lines: where a range is cut depends on the files only. */
#include "core/base/array.h"
#include "core/base/limits.h"
#include "receive/log/log_internal.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- where a record lies ---- */

struct finding {
    uint64_t number, seen; /* looked for; after the frames visited */
    int64_t offset;
    uint64_t bytes, bytes_max; /* of frames from `number` on */
    bool is_limit;
};

/* Stops at the frame that begins with the number. */
static int find_frame(void *arg, const struct sl_received_frame *frame, int64_t offset, size_t size)
{
    struct finding *finding = arg;
    finding->offset = offset;
    finding->seen = frame->first;
    return frame->first >= finding->number && frame->count ? 1 : 0;
}

/* A copy of what other threads may change. */
static struct sl_received_segment snapshot(struct sl_received_log *log, size_t i)
{
    pthread_mutex_lock(&log->lock);
    struct sl_received_segment segment = *log->segment[i];
    pthread_mutex_unlock(&log->lock);
    return segment;
}

static struct sl_received_segment_mark mark_of(struct sl_received_log *log, size_t i, size_t m)
{
    pthread_mutex_lock(&log->lock);
    struct sl_received_segment_mark mark = log->segment[i]->mark[m];
    pthread_mutex_unlock(&log->lock);
    return mark;
}

static size_t count_segments(struct sl_received_log *log)
{
    pthread_mutex_lock(&log->lock);
    size_t count = log->segments;
    pthread_mutex_unlock(&log->lock);
    return count;
}

/* The offset of the frame that begins with `number`, in [from, to) of the segment. */
static int locate(const struct sl_received_segment *segment, int64_t from, int64_t to, uint64_t number,
                  int64_t *ret, struct sl_error *err)
{
    struct finding finding = {.number = number};
    int r = sl_received_segment_each(segment, from, to, find_frame, &finding, NULL, err);
    if (r < 0)
        return r;
    if (r == 0 || finding.seen != number)
        return sl_received_log_damaged(segment->log, err, "no frame begins with record %" PRIu64, number);
    *ret = finding.offset;
    return 0;
}

/* ---- cutting ---- */

struct cutting {
    struct sl_received_log *log;
    uint64_t from, to;
    struct sl_received_split *split;
    size_t count, capacity;
    struct sl_error *err;
};

/* The part of cell [offset, end) of segment i, with the records [first, last), that belongs to the range. */
static int add_split(struct cutting *cutting, size_t i, const struct sl_received_segment *segment,
                     int64_t offset, uint64_t first, int64_t end, uint64_t last)
{
    int r = 0;
    if (last <= cutting->from || first >= cutting->to || first == last)
        return 0;
    struct sl_received_split *grown =
        sl_array_grow(cutting->split, cutting->count, &cutting->capacity, sizeof *grown);
    if (!grown)
        return sl_error_nomem(cutting->err);
    cutting->split = grown;
    int64_t from = offset, to = end;
    if (first < cutting->from)
        r = locate(segment, offset, end, cutting->from, &from, cutting->err);
    if (r == 0 && last > cutting->to)
        r = locate(segment, offset, end, cutting->to, &to, cutting->err);
    grown[cutting->count++] =
        (struct sl_received_split){.segment = sl_received_log_segment(cutting->log, i),
                                   .from = from,
                                   .to = to,
                                   .first = first < cutting->from ? cutting->from : first};
    return r;
}

static int cut_segment(struct cutting *cutting, size_t i)
{
    struct sl_received_segment segment = snapshot(cutting->log, i);
    int r = 0;
    if (segment.fd < 0 || segment.first >= cutting->to || segment.end <= cutting->from)
        return 0;
    for (size_t m = 0; m < segment.marks && r == 0; m++) {
        struct sl_received_segment_mark mark = mark_of(cutting->log, i, m),
                                        next = m + 1 < segment.marks ? mark_of(cutting->log, i, m + 1)
                                                                     : (struct sl_received_segment_mark){
                                                                           segment.size, segment.end};
        r = add_split(cutting, i, &segment, mark.offset, mark.number, next.offset, next.number);
    }
    return r;
}

int sl_received_log_cut(struct sl_received_log *log, uint64_t from, uint64_t to,
                        struct sl_received_split **ret, size_t *ret_count, struct sl_error *err)
{
    struct cutting cutting = {.log = log, .from = from, .to = to, .err = err};
    size_t segments = count_segments(log);
    int r = 0;
    if (to > sl_received_log_end(log) ||
        (from < to && (!segments || sl_received_log_segment(log, 0)->first > from)))
        return sl_received_log_damaged(log, err, "records %" PRIu64 " to %" PRIu64 " are not there", from,
                                       to);
    for (size_t i = 0; i < segments && r == 0 && from < to; i++)
        r = cut_segment(&cutting, i);
    if (r < 0) {
        free(cutting.split);
        return r;
    }
    *ret = cutting.split;
    *ret_count = cutting.count;
    return 0;
}

/* ---- a range of a number of bytes ---- */

/* Frames without records, such as all positions of a thousand files, are no part of what a batch takes. */
static int add_up(void *arg, const struct sl_received_frame *frame, int64_t offset, size_t size)
{
    struct finding *finding = arg;
    if (frame->first < finding->number || !frame->count)
        return 0;
    if (finding->bytes && finding->bytes + size > finding->bytes_max) {
        finding->is_limit = true;
        return 1;
    }
    finding->bytes += size;
    finding->seen = frame->first + frame->count;
    return 0;
}

int sl_received_log_limit(struct sl_received_log *log, uint64_t from, uint64_t bytes_max, uint64_t *ret_to,
                          struct sl_error *err)
{
    struct finding finding = {.number = from, .seen = from, .bytes_max = bytes_max};
    uint64_t end = sl_received_log_end(log);
    size_t segments = count_segments(log);
    int r = 0;
    *ret_to = end;
    if (bytes_max >= sl_received_log_unused_bytes(log) || from == end)
        return 0;
    for (size_t i = 0; i < segments && r == 0 && !finding.is_limit; i++) {
        struct sl_received_segment segment = snapshot(log, i);
        if (segment.end > from && segment.fd >= 0)
            r = sl_received_segment_each(&segment, SL_RECEIVED_SEGMENT_HEADER, segment.size, add_up, &finding,
                                         NULL, err);
    }
    if (r >= 0)
        *ret_to = finding.seen < end ? finding.seen : end;
    return r < 0 ? r : 0;
}

int sl_received_split_each(const struct sl_received_split *split, sl_received_frame_visit *visit, void *arg,
                           struct sl_error *err)
{
    /* fd and salt of a segment do not change; size and end are not looked at. */
    return sl_received_segment_each(split->segment, split->from, split->to, visit, arg, NULL, err);
}
