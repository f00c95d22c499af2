/* An object file of any bytes: rows, the end, or damage that is named. */
#include "core/base/error.h"
#include "text/object_file.h"

#include "tests/fuzz/memory_stream.h"

#include <stdlib.h>

enum { WIDTH = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct memory_stream stream = {{.read = memory_stream_read}, data, size};
    struct sl_object_reader reader;
    struct sl_arena arena = {0};
    struct sl_field fields[WIDTH];
    struct sl_error err;
    uint32_t width;
    int r = sl_object_read_open(&reader, &stream.stream, "fuzz", &err);
    while (r >= 0 && (r = sl_object_read_block(&reader, &err)) > 0) {
        size_t at = 0;
        for (uint32_t i = 0; i < reader.count && r >= 0; i++) {
            size_t before = at;
            r = sl_object_read_row(&reader, &at, &arena, fields, &width, &err);
            if (r == 0 && (at <= before || at > reader.rows.len || !width || width > WIDTH))
                abort();
        }
        sl_arena_reset(&arena);
    }
    sl_object_reader_done(&reader);
    sl_arena_done(&arena);
    return 0;
}
