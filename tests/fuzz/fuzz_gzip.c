/* The first byte chooses gzip or zstd; the rest is the file. It must end, without more than the ratio; garbage after it is
 * a thing of gzip's. */
#include "text/decompress.h"

#include "tests/fuzz/memory_io.h"

#include <stdlib.h>

enum { UNPACKED_MAX = 8 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t piece[4096];
    struct sl_byte_stream *stream;
    struct sl_error err;
    if (!size)
        return 0;
    struct memory_io memory = {.io = {&memory_io_ops}, .bytes = data + 1, .len = size - 1};
    const char *path = data[0] & 1 ? "fuzz.zst" : "fuzz.gz";
    if (sl_decompress_open(&memory.io, 0, path, (int64_t)memory.len, &stream, &err) < 0)
        abort();
    ssize_t got = 1;
    for (size_t all = 0; got > 0 && all < UNPACKED_MAX; all += (size_t)got)
        got = stream->read(stream, piece, sizeof piece, &err);
    if (sl_decompress_garbage(stream) && data[0] & 1)
        abort();
    stream->close(stream);
    return 0;
}
