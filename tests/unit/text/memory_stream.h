/* Bytes in memory as a stream that gives at most `step` of them at a time. */
#pragma once

#include "core/base/buf.h"
#include "text/lines.h"

#include <string.h>

struct memory_stream {
    struct sl_byte_stream stream; /* first */
    const uint8_t *bytes;
    size_t len, at, step;
};

static ssize_t memory_stream_read(struct sl_byte_stream *stream, void *buf, size_t size, struct sl_error *err)
{
    struct memory_stream *memory = (struct memory_stream *)stream;
    size_t left = memory->len - memory->at, len = left < size ? left : size;
    (void)err; /* it cannot fail */
    len = len < memory->step ? len : memory->step;
    if (len)
        memcpy(buf, memory->bytes + memory->at, len);
    memory->at += len;
    return (ssize_t)len;
}

static inline struct memory_stream memory_stream_of(const void *bytes, size_t len, size_t step)
{
    return (struct memory_stream){
        .stream = {.read = memory_stream_read}, .bytes = bytes, .len = len, .step = step};
}
