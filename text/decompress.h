/* Compressed files as byte streams: .gz (all members; garbage after the last is ignored and reported in
 * *garbage) and .zst (all frames). A truncated or damaged file is SL_EFAIL naming path and offset; so is one
 * that grows beyond SL_RATIO_MAX times its size and 1 GiB. */
#pragma once

#include "core/base/io.h"
#include "text/lines.h"

enum { SL_RATIO_MAX = 1000 };

/* Whether the name says that the file is compressed (.gz, .zst). */
bool sl_name_is_compressed(const char *name);

/* Opens by the name's suffix. fd stays the caller's. close() frees. */
int sl_decompress_open(struct sl_io *io, int fd, const char *path, int64_t size, struct sl_byte_stream **ret,
                       struct sl_error *err);
bool sl_decompress_garbage(const struct sl_byte_stream *stream); /* after the end was read */
