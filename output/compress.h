/* Compressed part files: bytes in, compressed bytes out (opts.compression). The same bytes in give the same
 * bytes out, however they were cut: no time stamp, and whole blocks go to the library. */
#pragma once

#include "core/base/buf.h"
#include "core/base/error.h"

struct sl_compressor;

struct sl_compression {
    const char *name;                    /* "zstd" */
    const char *suffix;                  /* of part files: ".zst" */
    struct sl_compressor *(*open)(void); /* NULL: out of memory */
    /* Compresses `len` bytes and, with `end`, finishes; appends to `out`. 0 or a failure. */
    int (*block)(struct sl_compressor *compressor, const uint8_t *bytes, size_t len, bool end,
                 struct sl_buf *out, struct sl_error *err);
    void (*close)(struct sl_compressor *compressor); /* NULL is fine */
};

/* What Hadoop calls DefaultCodec: not among those that saveAsTextFiles offers. */
extern const struct sl_compression sl_compression_deflate;

/* Ends with NULL. */
extern const struct sl_compression *const sl_compressions[];
const struct sl_compression *sl_compression_find(const char *name, size_t len);

enum { SL_COMPRESSION_BLOCK = 128 << 10 };
