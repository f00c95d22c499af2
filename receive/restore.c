#include "receive/restore.h"

#include <string.h>

static const char *writer_of(const struct sl_received *received)
{
    return received->source.node->op->name;
}

int sl_received_restore(void *arg, const struct sl_frame *frame, struct sl_error *err)
{
    struct sl_received *received = arg;
    if (frame->kind == SL_FRAME_POSITIONS)
        received->is_foreign = sl_frame_is_by_other(frame, writer_of(received));
    if (received->is_foreign)
        return 0;
    if (received->kind->restore)
        return received->kind->restore(received, frame, err);
    const uint8_t *bytes = frame->kind == SL_FRAME_POSITIONS ? frame->body : frame->position;
    size_t len = frame->kind == SL_FRAME_POSITIONS ? frame->body_len : frame->position_len;
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
    struct sl_frame frame = {.kind = SL_FRAME_POSITIONS,
                             .position = (const uint8_t *)writer,
                             .position_len = (uint32_t)strlen(writer),
                             .body = positions.bytes,
                             .body_len = (uint32_t)positions.len};
    return sl_received_log_append(received->log, &frame, err);
}
