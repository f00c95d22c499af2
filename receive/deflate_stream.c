#include "receive/deflate_stream.h"

#include <stdlib.h>
#include <zlib.h>

enum {
    PIECE_BYTES = 64 << 10,
    BETWEEN_BLOCKS = 128, /* in data_type of zlib after inflate */
};

struct sl_deflate_stream {
    z_stream in, out;
    bool is_half;
};

struct sl_deflate_stream *sl_deflate_stream_new(void)
{
    struct sl_deflate_stream *stream = calloc(1, sizeof *stream);
    if (!stream || inflateInit(&stream->in) != Z_OK) {
        free(stream);
        return NULL;
    }
    if (deflateInit(&stream->out, Z_DEFAULT_COMPRESSION) != Z_OK) {
        (void)inflateEnd(&stream->in);
        free(stream);
        return NULL;
    }
    return stream;
}

void sl_deflate_stream_free(struct sl_deflate_stream *stream)
{
    if (!stream)
        return;
    (void)inflateEnd(&stream->in);
    (void)deflateEnd(&stream->out); /* what was not flushed is of no use */
    free(stream);
}

int sl_deflate_stream_unpack(struct sl_deflate_stream *stream, const uint8_t *bytes, size_t len, size_t most,
                             struct sl_buf *ret, struct sl_error *err)
{
    z_stream *in = &stream->in;
    int code = Z_OK;
    in->next_in = (uint8_t *)bytes;
    in->avail_in = (unsigned)len;
    while (code == Z_OK && (in->avail_in || in->avail_out == 0)) {
        if (ret->len > most)
            return sl_error_set(err, SL_EREJECT, "a message is too large when it is unpacked");
        if (!sl_buf_reserve(ret, PIECE_BYTES))
            return sl_error_nomem(err);
        in->next_out = ret->bytes + ret->len;
        in->avail_out = PIECE_BYTES;
        code = inflate(in, Z_SYNC_FLUSH);
        ret->len += PIECE_BYTES - in->avail_out;
    }
    stream->is_half = code != Z_STREAM_END && !(in->data_type & BETWEEN_BLOCKS);
    return code == Z_OK || code == Z_BUF_ERROR || (code == Z_STREAM_END && !in->avail_in)
               ? 0
               : sl_error_set(err, SL_EREJECT, "its zlib stream is damaged");
}

bool sl_deflate_stream_is_half(const struct sl_deflate_stream *stream)
{
    return stream->is_half;
}

bool sl_deflate_stream_pack(struct sl_deflate_stream *stream, const uint8_t *bytes, size_t len,
                            struct sl_buf *ret)
{
    z_stream *out = &stream->out;
    out->next_in = (uint8_t *)bytes;
    out->avail_in = (unsigned)len;
    do {
        if (!sl_buf_reserve(ret, PIECE_BYTES))
            return false;
        out->next_out = ret->bytes + ret->len;
        out->avail_out = PIECE_BYTES;
        (void)deflate(out, Z_SYNC_FLUSH); /* fails only where there is no room, and there is */
        ret->len += PIECE_BYTES - out->avail_out;
    } while (out->avail_out == 0);
    return true;
}
