/* An object file of any bytes: rows, the end, or damage that is named. The first byte says what the rest is: 0 a file; 1 a
 * file whose blocks get the checksums that fit, so that what follows them is reached; 2 rows (text/row_codec.h), which are
 * written as a file and read again as the same. */
#include "core/base/error.h"
#include "text/object_file.h"
#include "text/row_codec.h"

#include "tests/fuzz/memory_stream.h"

#include <stdlib.h>
#include <xxhash.h>

enum { WIDTH = 64, HEAD_LEN = 16, BLOCK_HEAD_LEN = 24, SUMMED_LEN = 16 };
enum { AS_IT_IS, SEALED, ROWS };

/* As the table at the top of text/object_file.c says. */
static void seal(uint8_t *bytes, size_t len)
{
    uint64_t packed, number = 0;
    for (size_t at = HEAD_LEN; at + BLOCK_HEAD_LEN <= len; at += BLOCK_HEAD_LEN + (size_t)packed, number++) {
        uint8_t *head = bytes + at;
        bool is_end = memcmp(head, "\0\0\0", 4) == 0;
        memcpy(&packed, head + 8, sizeof packed);
        packed = is_end ? 0 : packed;
        if (packed > len - at - BLOCK_HEAD_LEN)
            return;
        uint64_t hash = XXH3_64bits_withSeed(head + BLOCK_HEAD_LEN, (size_t)packed,
                                             XXH3_64bits_withSeed(head, SUMMED_LEN, number));
        memcpy(head + SUMMED_LEN, &hash, sizeof hash);
    }
}

/* again: what is read is written once more; may be NULL. */
static int read_rows(struct sl_object_reader *reader, struct sl_buf *again)
{
    struct sl_arena arena = {0};
    struct sl_field fields[WIDTH];
    struct sl_error err;
    uint32_t width;
    size_t at = 0;
    int r = 0;
    for (uint32_t i = 0; i < reader->count && r >= 0; i++) {
        size_t before = at;
        r = sl_object_read_row(reader, &at, &arena, fields, &width, &err);
        if (r == 0 && (at <= before || at > reader->rows.len || !width || width > WIDTH))
            abort();
        if (r == 0 && again && !sl_row_codec_append(again, fields, width))
            abort();
    }
    sl_arena_done(&arena);
    return r;
}

static int read_file(const uint8_t *bytes, size_t len, struct sl_buf *again)
{
    struct memory_stream stream = {{.read = memory_stream_read}, bytes, len};
    struct sl_object_reader reader;
    struct sl_error err;
    int r = sl_object_read_open(&reader, &stream.stream, "fuzz", &err);
    while (r >= 0 && (r = sl_object_read_block(&reader, &err)) > 0)
        r = read_rows(&reader, again);
    sl_object_reader_done(&reader);
    return r;
}

static void write_rows(const uint8_t *bytes, size_t len, struct sl_buf *rows, struct sl_buf *file)
{
    struct sl_object_writer writer = {0};
    struct sl_field fields[SL_ROWCODE_WIDTH_MAX];
    struct sl_arena arena = {0};
    struct sl_error err;
    uint32_t width;
    int r = sl_object_write_head(&writer, file, &err);
    for (size_t at = 0; at < len;) {
        if (sl_row_codec_read(bytes, len, &at, &arena, fields, &width) < 0)
            break;
        if (width && width <= WIDTH && r == 0) {
            r = sl_object_write_row(&writer, fields, width, file, &err);
            r = sl_row_codec_append(rows, fields, width) ? r : SL_ENOMEM;
        }
    }
    if (r < 0 || sl_object_write_end(&writer, file, &err) < 0)
        abort();
    sl_object_writer_done(&writer);
    sl_arena_done(&arena);
}

static void check_again(const uint8_t *bytes, size_t len)
{
    struct sl_buf rows = {0}, file = {0}, again = {0};
    write_rows(bytes, len, &rows, &file);
    if (read_file(file.bytes, file.len, &again) == 0 &&
        (again.len != rows.len || (rows.len && memcmp(again.bytes, rows.bytes, rows.len) != 0)))
        abort();
    sl_buf_done(&rows);
    sl_buf_done(&file);
    sl_buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    uint8_t *copy = malloc(size);
    if (!copy)
        abort();
    memcpy(copy, data + 1, size - 1);
    if (data[0] % 3 == SEALED)
        seal(copy, size - 1);
    if (data[0] % 3 == ROWS)
        check_again(copy, size - 1);
    else
        (void)read_file(copy, size - 1, NULL); /* it may be damaged */
    free(copy);
    return 0;
}
