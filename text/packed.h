/* What .gz and .zst have in common: a file read in pieces and counted. Private to text/decompress.c and the
 * two readers. */
#pragma once

#include "text/decompress.h"

enum { SL_PACKED_PIECE_BYTES = 64 << 10 };

struct sl_packed {
    struct sl_byte_stream stream; /* first: sl_decompress_open gives out its address */
    struct sl_io *io;
    int fd;
    char *path;        /* owned */
    int64_t size;      /* of the file as it was taken: bytes after it are not read */
    int64_t at;        /* of the file: where the next piece begins */
    uint64_t unpacked; /* bytes given out */
    size_t left;       /* of the piece: bytes not used yet, at the end of it */
    size_t piece_len;
    bool ended;   /* the reader gave out all there is */
    bool garbage; /* bytes after the last member */
    uint8_t piece[SL_PACKED_PIECE_BYTES];
};

/* The bytes not used yet. */
const uint8_t *sl_packed_next(const struct sl_packed *packed);
/* Makes sure that `wanted` bytes are there if the file has them (at most 16). 0 or a failure. */
int sl_packed_fill(struct sl_packed *packed, size_t wanted, struct sl_error *err);
/* Offset in the file of the next byte. */
long long sl_packed_offset(const struct sl_packed *packed);
/* Counts what was given out. 0, or SL_EFAIL where it is beyond the ratio. */
int sl_packed_count(struct sl_packed *packed, size_t unpacked, struct sl_error *err);
int sl_packed_truncated(const struct sl_packed *packed, struct sl_error *err);
void sl_packed_done(struct sl_packed *packed);

int sl_gzip_open(struct sl_packed **ret, struct sl_error *err);
int sl_zstd_open(struct sl_packed **ret, struct sl_error *err);
