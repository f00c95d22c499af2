/* A file read as one split, as two and as a stream gives the same number of lines and bytes; one that is shorter than it was
 * is refused. The first three bytes say where it is cut, how long a line may be (255: any length), and how often the rest
 * is repeated. */
#include "text/lines.h"

#include "core/base/error.h"
#include "tests/fuzz/memory_io.h"
#include "tests/fuzz/memory_stream.h"

#include <stdlib.h>

enum { HEAD = 3, ANY_LENGTH = 255, FILE_MAX = 1 << 20 };

struct totals {
    struct sl_outlet outlet;
    struct sl_reject_sink sink;
    uint64_t bytes, lines;
};

static int count_push(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    for (uint32_t i = 0; i < chunk->rows; i++)
        ((struct totals *)outlet)->bytes += chunk->column[0][i].len;
    return 0;
}

static int count_reject(struct sl_reject_sink *sink, struct sl_task *task, unsigned node,
                        const struct sl_field *fields, uint32_t width, const struct sl_origin *origin,
                        uint32_t line)
{
    ((struct totals *)((char *)sink - offsetof(struct totals, sink)))->bytes += fields->len;
    return 0;
}

/* What is read, and how. */
struct how {
    const uint8_t *bytes;
    size_t len;
    uint64_t line_max;
};

/* A split of the file of `size` bytes; from < 0: all of it, as a stream. */
static int read_part(const struct how *how, int64_t from, int64_t to, int64_t size, struct totals *totals)
{
    struct memory_io memory = {.io = {&memory_io_ops}, .bytes = how->bytes, .len = how->len};
    struct memory_stream stream = {{.read = memory_stream_read}, how->bytes, how->len};
    struct sl_arena scratch;
    struct sl_error err;
    struct sl_task task = {.scratch = &scratch, .sink = &totals->sink, .err = &err};
    const struct sl_lines lines = {.io = &memory.io,
                                   .path = "fuzz",
                                   .from = from,
                                   .to = to,
                                   .size = size,
                                   .record_bytes_max = how->line_max};
    uint64_t count = 0;
    sl_arena_init(&scratch);
    int r = from < 0 ? sl_lines_read_stream(&lines, &stream.stream, &task, &totals->outlet, &count)
                     : sl_lines_read(&lines, &task, &totals->outlet, &count);
    sl_arena_done(&scratch);
    totals->lines += count;
    return r;
}

static void check_file(const struct how *how, int64_t cut)
{
    const struct totals none = {{count_push}, {.reject = count_reject}, 0, 0};
    struct totals whole = none, parts = none, stream = none, longer = none;
    int64_t end = (int64_t)how->len;
    if (read_part(how, 0, end, end, &whole) < 0 || read_part(how, 0, cut, end, &parts) < 0 ||
        read_part(how, cut, end, end, &parts) < 0 || read_part(how, -1, end, end, &stream) < 0)
        abort();
    if (parts.lines != whole.lines || parts.bytes != whole.bytes || stream.lines != whole.lines ||
        stream.bytes != whole.bytes)
        abort();
    if (read_part(how, 0, end + 1, end + 1, &longer) != SL_EFAIL)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD)
        return 0;
    size_t len = size - HEAD, repeats = 1 + (size_t)data[2] * data[2];
    if (len * repeats > FILE_MAX)
        repeats = 1;
    uint8_t *bytes = malloc(len * repeats + 1);
    if (!bytes)
        abort();
    for (size_t i = 0; i < repeats; i++)
        memcpy(bytes + i * len, data + HEAD, len);
    const struct how how = {bytes, len * repeats, data[1] == ANY_LENGTH ? FILE_MAX : data[1]};
    check_file(&how, (int64_t)how.len * data[0] / 255);
    free(bytes);
    return 0;
}
