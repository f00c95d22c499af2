/* A sequence file of any bytes: it ends in 0 or in a failure, and records that are read can be written. */
#include "core/base/error.h"
#include "text/sequence_file.h"

#include "tests/fuzz/memory_stream.h"

#include <stdlib.h>

enum { RECORDS_MAX = 10000, RECORD_MAX = 1 << 16 };

static void check_again(enum sl_writable kind, const struct sl_field *field)
{
    struct sl_buf buf = {0};
    const char *why;
    int r = sl_writable_append(&buf, kind, field, &why);
    bool is_text = kind == SL_WRITABLE_TEXT && r == SL_EREJECT; /* bytes of a file that are not UTF-8 */
    if (r < 0 && !is_text)
        abort();
    sl_buf_done(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sl_sequence_reader reader;
    struct memory_stream stream = {{.read = memory_stream_read}, data, size};
    struct sl_arena arena = {0};
    struct sl_field key, value;
    struct sl_error err;
    int r = sl_sequence_read_open(&reader, &stream.stream, "fuzz", RECORD_MAX, &err);
    for (size_t i = 0; r >= 0 && i < RECORDS_MAX; i++) {
        r = sl_sequence_read_next(&reader, &arena, &key, &value, &err);
        if (r == 0)
            break;
        if (r > 0) {
            check_again(reader.layout.key, &key);
            check_again(reader.layout.value, &value);
        }
        r = r == SL_EREJECT ? 1 : r;
        sl_arena_reset(&arena);
    }
    sl_sequence_reader_done(&reader);
    sl_arena_done(&arena);
    return 0;
}
