#include "text/framed_rows.h"

#include "core/base/error.h"
#include "core/contract/task.h"
#include "text/row_codec.h"

#include <string.h>

static size_t padded(size_t bytes)
{
    return (bytes + 7) & ~(size_t)7;
}

bool sl_framed_row_append(struct sl_buf *buf, uint32_t ordinal, const struct sl_chunk *chunk, uint32_t row)
{
    struct sl_field fields[SL_WIDTH_MAX];
    struct sl_framed_row head = {chunk->origin, chunk->line ? chunk->line[row] : SL_NO_LINE, ordinal, 0};
    size_t at = buf->len;
    sl_chunk_row(chunk, row, fields);
    if (!sl_buf_append(buf, &head, sizeof head) || !sl_row_codec_append(buf, fields, chunk->width))
        return false;
    head.bytes = buf->len - at - sizeof head;
    memcpy(buf->bytes + at, &head, sizeof head);
    return sl_buf_append(buf, "\0\0\0\0\0\0\0", padded(head.bytes) - head.bytes);
}

size_t sl_framed_row_size(const uint8_t *at)
{
    struct sl_framed_row head;
    memcpy(&head, at, sizeof head);
    return sizeof head + padded(head.bytes);
}

bool sl_framed_row_read(const uint8_t *bytes, size_t len, size_t *at, struct sl_arena *arena,
                        struct sl_framed_row *head, struct sl_field fields[SL_WIDTH_MAX], uint32_t *ret_width)
{
    memcpy(head, bytes + *at, sizeof *head);
    size_t from = *at + sizeof *head, end = from + head->bytes;
    *at += sl_framed_row_size(bytes + *at);
    sl_assert(*at <= len);
    return sl_row_codec_borrow(bytes, end, &from, arena, fields, ret_width) == 0;
}
