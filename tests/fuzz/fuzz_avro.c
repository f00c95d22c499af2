/* A request of Flume's Avro sink: its events are rows that can be read, or it is refused and nothing is kept of it. The first byte
 * says whether it begins with a handshake. */
#include "core/base/error.h"
#include "receive/avro.h"
#include "text/row_codec.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_rows(const struct sl_buf *rows, uint32_t count)
{
    struct sl_arena arena;
    struct sl_field field[SL_ROWCODE_WIDTH_MAX];
    uint32_t width;
    size_t at = 0;
    sl_arena_init(&arena);
    for (uint32_t i = 0; i < count; i++)
        if (sl_row_codec_read(rows->bytes, rows->len, &at, &arena, field, &width) < 0 || width != 2)
            abort();
    if (at != rows->len)
        abort();
    sl_arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sl_buf rows = {0};
    struct sl_error err;
    uint32_t count = 0;
    if (!size)
        return 0;
    int r = sl_avro_request(data + 1, size - 1, data[0] & 1, &rows, &count, &err);
    if (r < 0 && rows.len)
        abort();
    if (r == 0)
        read_rows(&rows, count);
    sl_buf_done(&rows);
    return 0;
}
