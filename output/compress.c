/* zlib and zstd behind one interface. Both get memory enough for a whole block's result, so a block is one call in
 * nearly every case. */
#include "output/compress.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

struct sl_compressor {
    z_stream gzip;
    ZSTD_CStream *zstd;
};

/* ---- gzip ---- */

enum { ZLIB_WINDOW = 15, GZIP_WINDOW = ZLIB_WINDOW + 16, GZIP_MEMORY = 8 };

static struct sl_compressor *zlib_open(int window)
{
    struct sl_compressor *compressor = calloc(1, sizeof *compressor);
    if (compressor && deflateInit2(&compressor->gzip, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window, GZIP_MEMORY,
                                   Z_DEFAULT_STRATEGY) != Z_OK) {
        free(compressor);
        return NULL;
    }
    return compressor;
}

static struct sl_compressor *gzip_open(void)
{
    return zlib_open(GZIP_WINDOW);
}

static struct sl_compressor *deflate_open(void)
{
    return zlib_open(ZLIB_WINDOW);
}

static int gzip_block(struct sl_compressor *compressor, const uint8_t *bytes, size_t len, bool end,
                      struct sl_buf *out, struct sl_error *err)
{
    z_stream *stream = &compressor->gzip;
    stream->next_in = (Bytef *)bytes;
    stream->avail_in = (uInt)len;
    do {
        if (!sl_buf_reserve(out, deflateBound(stream, SL_COMPRESSION_BLOCK)))
            return sl_error_nomem(err);
        stream->next_out = out->bytes + out->len;
        stream->avail_out = (uInt)(out->capacity - out->len);
        int r = deflate(stream, end ? Z_FINISH : Z_NO_FLUSH);
        sl_assert(r == Z_OK || r == Z_STREAM_END || r == Z_BUF_ERROR);
        out->len = out->capacity - stream->avail_out;
    } while (stream->avail_out == 0);
    return 0;
}

static void gzip_close(struct sl_compressor *compressor)
{
    if (compressor)
        (void)deflateEnd(&compressor->gzip); /* complains of unfinished streams, which are being given up */
    free(compressor);
}

/* ---- zstd ---- */

static struct sl_compressor *zstd_open(void)
{
    struct sl_compressor *compressor = calloc(1, sizeof *compressor);
    if (!compressor)
        return NULL;
    compressor->zstd = ZSTD_createCStream();
    /* With a checksum of the contents, as gzip has one: zstd itself writes none, and damage could go unnoticed. */
    if (!compressor->zstd || ZSTD_isError(ZSTD_CCtx_setParameter(compressor->zstd, ZSTD_c_checksumFlag, 1))) {
        ZSTD_freeCStream(compressor->zstd);
        free(compressor);
        return NULL;
    }
    return compressor;
}

static int zstd_block(struct sl_compressor *compressor, const uint8_t *bytes, size_t len, bool end,
                      struct sl_buf *out, struct sl_error *err)
{
    ZSTD_inBuffer in = {bytes, len, 0};
    size_t left;
    do {
        if (!sl_buf_reserve(out, ZSTD_CStreamOutSize()))
            return sl_error_nomem(err);
        ZSTD_outBuffer to = {out->bytes, out->capacity, out->len};
        left = ZSTD_compressStream2(compressor->zstd, &to, &in, end ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left))
            return sl_error_set(err, SL_EFAIL, "compressing: %s", ZSTD_getErrorName(left));
        out->len = to.pos;
    } while (in.pos < in.size || (end && left));
    return 0;
}

static void zstd_close(struct sl_compressor *compressor)
{
    if (compressor)
        ZSTD_freeCStream(compressor->zstd);
    free(compressor);
}

/* ---- the list ---- */

static const struct sl_compression zstd = {"zstd", ".zst", zstd_open, zstd_block, zstd_close};
static const struct sl_compression gzip = {"gzip", ".gz", gzip_open, gzip_block, gzip_close};
const struct sl_compression sl_compression_deflate = {"zlib", ".deflate", deflate_open, gzip_block,
                                                      gzip_close};

const struct sl_compression *const sl_compressions[] = {&zstd, &gzip, NULL};

const struct sl_compression *sl_compression_find(const char *name, size_t len)
{
    for (size_t i = 0; sl_compressions[i]; i++)
        if (strlen(sl_compressions[i]->name) == len && memcmp(sl_compressions[i]->name, name, len) == 0)
            return sl_compressions[i];
    return NULL;
}
