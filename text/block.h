/* A block: bytes that travel between processes, compressed, with their length and a checksum.
 *
 *     offset  bytes
 *          0      8  "sluiceb1"
 *          8      8  length before compression, little-endian
 *         16      8  XXH3-64 of what follows, seeded with that length, little-endian
 *         24      -  a zstd frame
 *
 * The same bytes give the same block on every machine. */
#pragma once

#include "core/base/buf.h"
#include "core/base/error.h"

enum { SL_BLOCK_HEAD_BYTES = 24 };

/* Appends the block of bytes[len]. False: out of memory. */
bool sl_block_pack(struct sl_buf *buf, const void *bytes, size_t len);

/* Appends what is in the block of exactly `len` bytes. 0; SL_EDAMAGED: it is not what was packed; SL_ENOMEM. */
int sl_block_unpack(struct sl_buf *buf, const void *block, size_t len);

/* The checksum in its head: for those who compare what they got with what was made. The block has a head. */
uint64_t sl_block_check(const void *block);
