#include "receive/restore.h"

#include "receive/tail_internal.h"

#include <stdlib.h>
#include <string.h>

static const char *writer_of(const struct sl_received *received)
{
    return received->source.node->op->name;
}

enum { POSITIONS_BYTES = 1 << 20 };

/* Another operator that has had the name of the source. What it has read up to is kept as it was written: where it comes back,
 * however many segments later, it continues there. */
struct sl_received_other {
    struct sl_received_other *next;
    char *writer;
    struct sl_buf positions;
    size_t shortest; /* bytes of them when they were made short last */
};

static bool is_by(const struct sl_received_other *other, const struct sl_received_frame *frame)
{
    return strlen(other->writer) == frame->position_len &&
           memcmp(other->writer, frame->position, frame->position_len) == 0;
}

/* The one whose positions follow becomes the first. */
static bool begin_other(struct sl_received *received, const struct sl_received_frame *frame)
{
    struct sl_received_other **at = &received->other, *other;
    while (*at && !is_by(*at, frame))
        at = &(*at)->next;
    other = *at;
    if (other)
        *at = other->next;
    else if (!(other = calloc(1, sizeof *other)) ||
             !(other->writer = strndup((const char *)frame->position, frame->position_len))) {
        free(other);
        return false;
    }
    other->next = received->other;
    received->other = other;
    sl_buf_clear(&other->positions);
    return sl_buf_append(&other->positions, frame->body, frame->body_len);
}

/* Growing files have positions each for itself, which add up; of other operators the last one counts. */
static bool add_to_other(struct sl_received_other *other, const struct sl_received_frame *frame)
{
    if (!frame->position_len)
        return true;
    bool adds_up = strcmp(other->writer, "tailStream") == 0;
    if (!adds_up)
        sl_buf_clear(&other->positions);
    bool ok = sl_buf_append(&other->positions, frame->position, frame->position_len);
    if (ok && adds_up && other->positions.len > 2 * other->shortest + POSITIONS_BYTES) {
        ok = sl_tail_table_shorten(&other->positions);
        other->shortest = other->positions.len;
    }
    return ok;
}

static int restore_other(struct sl_received *received, const struct sl_received_frame *frame,
                         struct sl_error *err)
{
    bool ok = frame->kind == SL_RECEIVED_FRAME_POSITIONS ? begin_other(received, frame)
                                                         : add_to_other(received->other, frame);
    return ok ? 0 : sl_error_nomem(err);
}

bool sl_received_other(void *arg, size_t i, struct sl_received_frame *ret)
{
    const struct sl_received *received = arg;
    const struct sl_received_other *other = received->other;
    for (; other && i; i--)
        other = other->next;
    if (!other)
        return false;
    ret->position = (const uint8_t *)other->writer;
    ret->position_len = (uint32_t)strlen(other->writer);
    ret->body = other->positions.bytes;
    ret->body_len = (uint32_t)other->positions.len;
    return true;
}

void sl_received_forget_others(struct sl_received *received)
{
    for (struct sl_received_other *other = received->other, *next; other; other = next) {
        next = other->next;
        sl_buf_done(&other->positions);
        free(other->writer);
        free(other);
    }
    received->other = NULL;
}

int sl_received_restore(void *arg, const struct sl_received_frame *frame, struct sl_error *err)
{
    struct sl_received *received = arg;
    if (frame->kind == SL_RECEIVED_FRAME_POSITIONS)
        received->is_foreign = sl_received_frame_is_by_other(frame, writer_of(received));
    if (received->is_foreign)
        return restore_other(received, frame, err);
    if (received->kind->restore)
        return received->kind->restore(received, frame, err);
    const uint8_t *bytes = frame->kind == SL_RECEIVED_FRAME_POSITIONS ? frame->body : frame->position;
    size_t len = frame->kind == SL_RECEIVED_FRAME_POSITIONS ? frame->body_len : frame->position_len;
    if (len == 0)
        return 0;
    sl_buf_clear(&received->position);
    return sl_buf_append(&received->position, bytes, len) ? 0 : sl_error_nomem(err);
}

bool sl_received_snapshot(void *arg, struct sl_buf *ret)
{
    struct sl_received *received = arg;
    if (received->kind->snapshot)
        return received->kind->snapshot(received, ret);
    return sl_buf_append(ret, received->position.bytes, received->position.len);
}

/* From here on positions are this operator's: those it had before, if any. */
int sl_received_take_over(struct sl_received *received, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf positions = {0};
    const char *writer = writer_of(received);
    if (!received->is_foreign)
        return 0;
    if (!sl_received_snapshot(received, &positions))
        return sl_error_nomem(err);
    struct sl_received_frame frame = {.kind = SL_RECEIVED_FRAME_POSITIONS,
                                      .position = (const uint8_t *)writer,
                                      .position_len = (uint32_t)strlen(writer),
                                      .body = positions.bytes,
                                      .body_len = (uint32_t)positions.len};
    return sl_received_log_append(received->log, &frame, err);
}
