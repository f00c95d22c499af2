/* A received log: a segment's header, then frames. What is read is written again as the same bytes. With bit 0 of the first
 * byte the frames get checksums that fit, so that what follows them is reached. */
#include "core/base/buf.h"
#include "receive/log/frame.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct sl_received_frame *frame, uint64_t salt, const uint8_t *bytes,
                        size_t size)
{
    struct sl_buf buf = {0};
    if (!sl_received_frame_append(&buf, frame, salt) || buf.len != size ||
        memcmp(buf.bytes, bytes, size) != 0)
        abort();
    sl_buf_done(&buf);
}

/* As sl_received_frame_append writes it. False: no frame has such a header. */
static bool seal(uint8_t *at, size_t size, uint64_t salt)
{
    uint32_t position_len, count;
    uint64_t first;
    struct sl_buf buf = {0};
    memcpy(&first, at + 8, sizeof first);
    memcpy(&count, at + 16, sizeof count);
    memcpy(&position_len, at + 20, sizeof position_len);
    struct sl_received_frame frame = {.kind = (enum sl_received_frame_kind)at[4],
                                      .first = first,
                                      .count = count,
                                      .position_len = position_len,
                                      .body_len = (uint32_t)(size - SL_RECEIVED_FRAME_HEADER - position_len),
                                      .position = at + SL_RECEIVED_FRAME_HEADER,
                                      .body = at + SL_RECEIVED_FRAME_HEADER + position_len};
    bool ok = sl_received_frame_append(&buf, &frame, salt) && buf.len == size;
    if (ok)
        memcpy(at, buf.bytes, size);
    sl_buf_done(&buf);
    return ok;
}

static void read_frames(uint8_t *bytes, size_t len, uint64_t salt, bool sealed)
{
    size_t at = 0;
    while (len - at >= SL_RECEIVED_FRAME_HEADER) {
        struct sl_received_frame frame;
        size_t size = sl_received_frame_size(bytes + at);
        if (!size || size > len - at || (sealed && !seal(bytes + at, size, salt)))
            return;
        if (sl_received_frame_read(bytes + at, size, salt, &frame))
            check_again(&frame, salt, bytes + at, size);
        else if (!sealed)
            return;
        at += size;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t salt = 0;
    if (size <= SL_RECEIVED_SEGMENT_HEADER)
        return 0;
    uint8_t *copy = malloc(size);
    if (!copy)
        abort();
    memcpy(copy, data, size);
    if (copy[0] & 1)
        sl_received_segment_header_write(copy + 1, 7, 0);
    if (size > SL_RECEIVED_SEGMENT_HEADER + 1 && sl_received_segment_header_read(copy + 1, 0, &salt))
        read_frames(copy + 1 + SL_RECEIVED_SEGMENT_HEADER, size - 1 - SL_RECEIVED_SEGMENT_HEADER, salt,
                    copy[0] & 1);
    free(copy);
    return 0;
}
