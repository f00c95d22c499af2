/* One zlib stream in each direction of a connection, flushed after every message: Flume's compression-type = deflate. */
#pragma once

#include "core/base/buf.h"
#include "core/base/error.h"

struct sl_deflate_stream;

/* NULL: out of memory. */
struct sl_deflate_stream *sl_deflate_stream_new(void);
void sl_deflate_stream_free(struct sl_deflate_stream *stream);
/* Appends what the bytes unpack to. SL_EREJECT: they are damaged, or it is more than `most`. */
int sl_deflate_stream_unpack(struct sl_deflate_stream *stream, const uint8_t *bytes, size_t len, size_t most,
                             struct sl_buf *ret, struct sl_error *err);
/* Whether what was unpacked ended in the middle of a block: more of it has to come. */
bool sl_deflate_stream_is_half(const struct sl_deflate_stream *stream);
/* Appends the packed bytes, flushed. False: out of memory. */
bool sl_deflate_stream_pack(struct sl_deflate_stream *stream, const uint8_t *bytes, size_t len,
                            struct sl_buf *ret);
