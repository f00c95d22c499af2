/* A file in memory behind core/base/io.h, for fuzz targets: there is only pread. */
#pragma once

#include "core/base/io.h"

#include <string.h>

struct memory_io {
    struct sl_io io;
    const uint8_t *bytes;
    size_t len;
};

static ssize_t memory_pread(struct sl_io *io, int fd, void *buf, size_t size, off_t offset)
{
    const struct memory_io *memory = (const struct memory_io *)io;
    size_t left = (size_t)offset < memory->len ? memory->len - (size_t)offset : 0;
    size_t count = size < left ? size : left;
    if (count)
        memcpy(buf, memory->bytes + offset, count);
    return (ssize_t)count;
}

static const struct sl_io_ops memory_io_ops = {.pread = memory_pread};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
