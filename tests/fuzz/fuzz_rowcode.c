/* A row that is read is written and read again, and is the same, and skipping it ends where reading does; bytes that are
 * none are damage. */
#include "core/base/error.h"
#include "text/row_codec.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_keys(const struct sl_field *field)
{
    for (uint32_t i = 0; field->tag == SL_MAP && i < field->len; i++)
        if (field->items[2 * i].tag != SL_STR)
            abort();
}

static void check_again(struct sl_arena *arena, const struct sl_field *fields, uint32_t width)
{
    struct sl_field again[SL_ROWCODE_WIDTH_MAX];
    struct sl_buf buf;
    uint32_t count = 0;
    size_t at = 0;
    sl_buf_init(&buf);
    if (!sl_row_codec_append(&buf, fields, width) ||
        sl_row_codec_read(buf.bytes, buf.len, &at, arena, again, &count) < 0 || count != width ||
        at != buf.len)
        abort();
    for (uint32_t i = 0; i < width; i++)
        check_keys(&fields[i]);
    for (uint32_t i = 0; i < width; i++)
        if (!sl_field_equals(&fields[i], &again[i]))
            abort();
    sl_buf_done(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sl_arena arena;
    struct sl_field fields[SL_ROWCODE_WIDTH_MAX];
    uint32_t width;
    sl_arena_init(&arena);
    for (size_t at = 0; at < size;) {
        size_t before = at, skipped = at;
        if (sl_row_codec_read(data, size, &at, &arena, fields, &width) < 0)
            break;
        if (at <= before || at > size || sl_row_codec_skip(data, size, &skipped) < 0 || skipped != at)
            abort();
        check_again(&arena, fields, width);
    }
    sl_arena_done(&arena);
    return 0;
}
