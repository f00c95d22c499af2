/* Reading frames of a segment in order: a buffer of some frames, which grows for a long one. */
#include "core/base/limits.h"
#include "receive/log/log_internal.h"

#include <stdlib.h>
#include <string.h>

enum { BUFFER_BYTES = SL_READ_BYTES + (64 << 10) };

struct reading {
    const struct sl_received_segment *segment;
    uint8_t *bytes;
    size_t capacity, len; /* len: read, from `at` on */
    int64_t at, to;       /* of bytes[0]; the end */
};

static int refill(struct reading *reading, size_t wanted, const char *name, struct sl_error *err)
{
    if (wanted > reading->capacity) {
        uint8_t *bigger = realloc(reading->bytes, wanted);
        if (!bigger)
            return sl_error_nomem(err);
        reading->bytes = bigger;
        reading->capacity = wanted;
    }
    int64_t left = reading->to - reading->at;
    size_t size = (uint64_t)left < reading->capacity ? (size_t)left : reading->capacity;
    ssize_t got = sl_io_read_at(reading->segment->log->options.io, reading->segment->fd, reading->bytes, size,
                                (off_t)reading->at, name, err);
    if (got < 0)
        return (int)got;
    reading->len = (size_t)got;
    return 0;
}

static int damaged(const struct reading *reading, int64_t at, struct sl_error *err)
{
    char name[32];
    sl_received_segment_name(reading->segment, name);
    return sl_received_log_damaged(reading->segment->log, err, "%s, byte %lld", name, (long long)at);
}

/* The frames that lie whole in the buffer. *ret_size: of the next one, where that is known and does not. */
static int visit_buffer(struct reading *reading, sl_received_frame_visit *visit, void *arg, size_t *ret_used,
                        size_t *ret_wanted, struct sl_error *err)
{
    size_t used = 0;
    int r = 0;
    *ret_wanted = SL_RECEIVED_FRAME_HEADER;
    while (r == 0 && reading->len - used >= SL_RECEIVED_FRAME_HEADER) {
        struct sl_received_frame frame;
        size_t size = sl_received_frame_size(reading->bytes + used);
        if (size == 0 || reading->at + (int64_t)used + (int64_t)size > reading->to) {
            r = damaged(reading, reading->at + (int64_t)used, err);
            break;
        }
        *ret_wanted = size;
        if (size > reading->len - used)
            break;
        if (!sl_received_frame_read(reading->bytes + used, size, reading->segment->salt, &frame)) {
            r = damaged(reading, reading->at + (int64_t)used, err);
            break;
        }
        r = visit(arg, &frame, reading->at + (int64_t)used, size);
        used += size;
        *ret_wanted = SL_RECEIVED_FRAME_HEADER;
    }
    *ret_used = used;
    return r;
}

int sl_received_segment_each(const struct sl_received_segment *segment, int64_t from, int64_t to,
                             sl_received_frame_visit *visit, void *arg, int64_t *ret_at, struct sl_error *err)
{
    struct reading reading = {.segment = segment, .at = from, .to = to};
    char name[32];
    size_t wanted = BUFFER_BYTES, used;
    int r = 0;
    sl_received_segment_name(segment, name);
    while (r == 0 && reading.at < to) {
        r = refill(&reading, wanted > BUFFER_BYTES ? wanted : BUFFER_BYTES, name, err);
        if (r < 0)
            break;
        r = visit_buffer(&reading, visit, arg, &used, &wanted, err);
        reading.at += (int64_t)used;
        if (r == 0 && used == 0 && (wanted <= reading.capacity || reading.len < reading.capacity))
            r = damaged(&reading, reading.at, err); /* the file is shorter; otherwise the frame is longer */
    }
    free(reading.bytes);
    if (ret_at)
        *ret_at = reading.at;
    return r;
}
