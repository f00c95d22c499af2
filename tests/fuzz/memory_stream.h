/* Bytes in memory as a stream, for fuzz targets. */
#pragma once

#include "text/lines.h"

#include <string.h>

struct memory_stream {
    struct sl_byte_stream stream; /* first */
    const uint8_t *bytes;
    size_t left;
};

static ssize_t memory_stream_read(struct sl_byte_stream *stream, void *buf, size_t size, struct sl_error *err)
{
    struct memory_stream *memory = (struct memory_stream *)stream;
    size_t len = size < memory->left ? size : memory->left;
    (void)err; /* it cannot fail */
    if (len)
        memcpy(buf, memory->bytes, len);
    memory->bytes += len;
    memory->left -= len;
    return (ssize_t)len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
