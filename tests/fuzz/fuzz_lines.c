/* A file read as one split and as two gives the same number of lines and bytes. The first two bytes say where
 * it is cut and how long a line may be. */
#include "text/lines.h"

#include "tests/fuzz/memory_io.h"

#include <stdlib.h>

struct totals {
    struct sl_outlet outlet;
    struct sl_reject_sink sink;
    uint64_t bytes;
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

static uint64_t read_split(struct memory_io *memory, int64_t from, int64_t to, uint64_t line_max,
                           struct totals *totals)
{
    struct sl_arena scratch;
    struct sl_error err;
    struct sl_task task = {.scratch = &scratch, .sink = &totals->sink, .err = &err};
    const struct sl_lines lines = {.io = &memory->io,
                                   .path = "fuzz",
                                   .from = from,
                                   .to = to,
                                   .size = (int64_t)memory->len,
                                   .record_bytes_max = line_max};
    uint64_t count = 0;
    sl_arena_init(&scratch);
    if (sl_lines_read(&lines, &task, &totals->outlet, &count) < 0)
        abort();
    sl_arena_done(&scratch);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct memory_io memory = {.io = {&memory_io_ops}, .bytes = data + 2, .len = size - 2};
    struct totals whole = {{count_push}, {.reject = count_reject}, 0}, parts = whole;
    int64_t end = (int64_t)memory.len, cut = end * data[0] / 255;
    uint64_t lines = read_split(&memory, 0, end, data[1], &whole);
    uint64_t first = read_split(&memory, 0, cut, data[1], &parts);
    if (first + read_split(&memory, cut, end, data[1], &parts) != lines || whole.bytes != parts.bytes)
        abort();
    return 0;
}
