#include "text/sequence_codec.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#define PACKAGE "org.apache.hadoop.io.compress."

static const struct sl_sequence_codec zlib = {"zlib", PACKAGE "DefaultCodec"};
static const struct sl_sequence_codec gzip = {"gzip", PACKAGE "GzipCodec"};
static const struct sl_sequence_codec zstd = {"zstd", PACKAGE "ZStandardCodec"};

const struct sl_sequence_codec *const sl_sequence_codecs[] = {&zlib, &gzip, &zstd, NULL};

static bool is_name(const char *text, const void *name, size_t len)
{
    return strlen(text) == len && memcmp(text, name, len) == 0;
}

const struct sl_sequence_codec *sl_sequence_codec_find(const void *name, size_t len)
{
    for (size_t i = 0; sl_sequence_codecs[i]; i++)
        if (is_name(sl_sequence_codecs[i]->name, name, len) ||
            is_name(sl_sequence_codecs[i]->class_name, name, len))
            return sl_sequence_codecs[i];
    return NULL;
}

enum { ZLIB_WINDOW = 15, GZIP_WINDOW = 15 + 16, ZLIB_MEMORY = 8, STEP = 32 << 10, FEED_MAX = 1 << 30 };

/* ---- packing ---- */

struct sl_sequence_packer {
    bool is_zstd;
    z_stream zlib;
    ZSTD_CCtx *zstd;
};

struct sl_sequence_packer *sl_sequence_packer_new(const struct sl_sequence_codec *codec)
{
    struct sl_sequence_packer *packer = calloc(1, sizeof *packer);
    if (!packer)
        return NULL;
    packer->is_zstd = codec == &zstd;
    bool ok = packer->is_zstd ? (packer->zstd = ZSTD_createCCtx()) != NULL
                              : deflateInit2(&packer->zlib, Z_DEFAULT_COMPRESSION, Z_DEFLATED,
                                             codec == &gzip ? GZIP_WINDOW : ZLIB_WINDOW, ZLIB_MEMORY,
                                             Z_DEFAULT_STRATEGY) == Z_OK;
    if (ok)
        return packer;
    free(packer);
    return NULL;
}

void sl_sequence_packer_free(struct sl_sequence_packer *packer)
{
    if (packer && packer->is_zstd)
        ZSTD_freeCCtx(packer->zstd);
    else if (packer)
        (void)deflateEnd(&packer->zlib); /* complains of streams that are being given up */
    free(packer);
}

static int deflate_all(z_stream *stream, const uint8_t *bytes, size_t len, struct sl_buf *out)
{
    size_t left = len;
    int r = deflateReset(stream);
    sl_assert(r == Z_OK);
    stream->next_in = (Bytef *)(uintptr_t)bytes;
    do {
        size_t feed = left < FEED_MAX ? left : FEED_MAX;
        if (!sl_buf_reserve(out, STEP))
            return SL_ENOMEM;
        stream->avail_in = (uInt)feed;
        stream->next_out = out->bytes + out->len;
        stream->avail_out = STEP;
        r = deflate(stream, feed == left ? Z_FINISH : Z_NO_FLUSH);
        left -= feed - stream->avail_in;
        out->len += STEP - stream->avail_out;
    } while (r == Z_OK || r == Z_BUF_ERROR);
    sl_assert(r == Z_STREAM_END);
    return 0;
}

int sl_sequence_pack(struct sl_sequence_packer *packer, const void *bytes, size_t len, struct sl_buf *out)
{
    if (!packer->is_zstd)
        return deflate_all(&packer->zlib, bytes, len, out);
    size_t bound = ZSTD_compressBound(len);
    if (!sl_buf_reserve(out, bound))
        return SL_ENOMEM;
    size_t packed = ZSTD_compress2(packer->zstd, out->bytes + out->len, bound, bytes, len);
    if (ZSTD_isError(packed))
        return SL_ENOMEM; /* there is room for any result, so nothing else can be missing */
    out->len += packed;
    return 0;
}

/* ---- unpacking ---- */

struct sl_sequence_unpacker {
    bool is_zstd;
    z_stream zlib;
    ZSTD_DCtx *zstd;
};

struct sl_sequence_unpacker *sl_sequence_unpacker_new(const struct sl_sequence_codec *codec)
{
    struct sl_sequence_unpacker *unpacker = calloc(1, sizeof *unpacker);
    if (!unpacker)
        return NULL;
    unpacker->is_zstd = codec == &zstd;
    bool ok = unpacker->is_zstd
                  ? (unpacker->zstd = ZSTD_createDCtx()) != NULL
                  : inflateInit2(&unpacker->zlib, codec == &gzip ? GZIP_WINDOW : ZLIB_WINDOW) == Z_OK;
    if (ok)
        return unpacker;
    free(unpacker);
    return NULL;
}

void sl_sequence_unpacker_free(struct sl_sequence_unpacker *unpacker)
{
    if (unpacker && unpacker->is_zstd)
        ZSTD_freeDCtx(unpacker->zstd);
    else if (unpacker)
        (void)inflateEnd(&unpacker->zlib); /* as above */
    free(unpacker);
}

/* Room for the next step, or what is in the way. */
static int make_room(struct sl_buf *out, size_t from, size_t size_max)
{
    if (out->len - from > size_max)
        return SL_EREJECT;
    return sl_buf_reserve(out, STEP) ? 0 : SL_ENOMEM;
}

/* One stream; *at moves past it. */
static int inflate_stream(z_stream *stream, const uint8_t *bytes, size_t len, size_t *at, size_t from,
                          size_t size_max, struct sl_buf *out)
{
    int z = inflateReset(stream);
    sl_assert(z == Z_OK);
    while (z != Z_STREAM_END) {
        size_t feed = len - *at < FEED_MAX ? len - *at : FEED_MAX;
        int r = make_room(out, from, size_max);
        if (r < 0)
            return r;
        stream->next_in = (Bytef *)(uintptr_t)(bytes + *at);
        stream->avail_in = (uInt)feed;
        stream->next_out = out->bytes + out->len;
        stream->avail_out = STEP;
        z = inflate(stream, Z_NO_FLUSH);
        *at += feed - stream->avail_in;
        out->len += STEP - stream->avail_out;
        if (z == Z_MEM_ERROR)
            return SL_ENOMEM;
        if (z != Z_OK && z != Z_STREAM_END)
            return SL_EDAMAGED;
    }
    return 0;
}

static int unpack_frame(ZSTD_DCtx *context, const uint8_t *bytes, size_t len, size_t *at, size_t from,
                        size_t size_max, struct sl_buf *out)
{
    ZSTD_inBuffer in = {bytes, len, *at};
    size_t left = 1;
    ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
    while (left) {
        int r = make_room(out, from, size_max);
        if (r < 0)
            return r;
        size_t before = in.pos;
        ZSTD_outBuffer to = {out->bytes + out->len, STEP, 0};
        left = ZSTD_decompressStream(context, &to, &in);
        if (ZSTD_isError(left))
            return ZSTD_getErrorCode(left) == ZSTD_error_memory_allocation ? SL_ENOMEM : SL_EDAMAGED;
        out->len += to.pos;
        if (left && in.pos == before && !to.pos)
            return SL_EDAMAGED; /* it ends within the frame */
    }
    *at = in.pos;
    return 0;
}

int sl_sequence_unpack(struct sl_sequence_unpacker *unpacker, const void *bytes, size_t len, size_t size_max,
                       struct sl_buf *out)
{
    size_t at = 0, from = out->len;
    int r = 0;
    while (r == 0 && at < len)
        r = unpacker->is_zstd ? unpack_frame(unpacker->zstd, bytes, len, &at, from, size_max, out)
                              : inflate_stream(&unpacker->zlib, bytes, len, &at, from, size_max, out);
    return r == 0 && out->len - from > size_max ? SL_EREJECT : r;
}
