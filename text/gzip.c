/* .gz files: members one after another, each a gzip header, deflated bytes and a checksum. What follows the
 * last member and does not begin like one is garbage, as gzip(1) sees it: noted, not read. */
#include "text/packed.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

enum { WINDOW_BITS_GZIP = 15 + 16, MAGIC_BYTES = 2 };

struct gzip {
    struct sl_packed packed; /* first */
    z_stream zlib;
    bool in_member;
};

static bool at_magic(const struct sl_packed *packed)
{
    return packed->left >= MAGIC_BYTES && memcmp(sl_packed_next(packed), "\x1f\x8b", MAGIC_BYTES) == 0;
}

static int damaged(const struct gzip *g, struct sl_error *err)
{
    return sl_error_set(err, SL_EFAIL, "unpacking %s: damaged at offset %lld: %s", g->packed.path,
                        sl_packed_offset(&g->packed), g->zlib.msg ? g->zlib.msg : "no gzip data");
}

/* Between members: begins the next one, or notes the end. */
static int next_member(struct gzip *g, struct sl_error *err)
{
    struct sl_packed *packed = &g->packed;
    bool first = sl_packed_offset(packed) == 0;
    int result = sl_packed_fill(packed, MAGIC_BYTES, err);
    if (result < 0)
        return result;
    if (at_magic(packed)) {
        g->in_member = true;
        return inflateReset(&g->zlib) == Z_OK ? 0 : sl_error_nomem(err);
    }
    if (first)
        return packed->left ? damaged(g, err) : sl_packed_truncated(packed, err);
    packed->ended = true;
    packed->garbage = packed->left > 0;
    return 0;
}

/* Unpacks into buf[0..size); *ret_len may be 0. */
static int inflate_some(struct gzip *g, uint8_t *buf, size_t size, size_t *ret_len, struct sl_error *err)
{
    struct sl_packed *packed = &g->packed;
    int result = sl_packed_fill(packed, 1, err);
    if (result < 0)
        return result;
    g->zlib.next_in = (Bytef *)(uintptr_t)sl_packed_next(packed); /* zlib does not write there */
    g->zlib.avail_in = (uInt)packed->left;
    g->zlib.next_out = buf;
    g->zlib.avail_out = (uInt)size;
    bool at_end = packed->left == 0;
    int status = inflate(&g->zlib, Z_NO_FLUSH);
    packed->left = g->zlib.avail_in;
    *ret_len = size - g->zlib.avail_out;
    g->in_member = status != Z_STREAM_END;
    if (status == Z_MEM_ERROR)
        return sl_error_nomem(err);
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
        return damaged(g, err);
    return at_end && g->in_member && !*ret_len ? sl_packed_truncated(packed, err) : 0;
}

static ssize_t gzip_read(struct sl_byte_stream *stream, void *buf, size_t size, struct sl_error *err)
{
    struct gzip *g = (struct gzip *)stream;
    size_t len = 0;
    int result = 0;
    if (size > INT32_MAX)
        size = INT32_MAX;
    while (result == 0 && !len && size && !g->packed.ended)
        result = g->in_member ? inflate_some(g, buf, size, &len, err) : next_member(g, err);
    if (result == 0)
        result = sl_packed_count(&g->packed, len, err);
    return result < 0 ? result : (ssize_t)len;
}

static void gzip_close(struct sl_byte_stream *stream)
{
    struct gzip *g = (struct gzip *)stream;
    inflateEnd(&g->zlib);
    sl_packed_done(&g->packed);
    free(g);
}

int sl_gzip_open(struct sl_packed **ret, struct sl_error *err)
{
    struct gzip *g = calloc(1, sizeof *g);
    if (!g)
        return sl_error_nomem(err);
    g->packed.stream = (struct sl_byte_stream){.read = gzip_read, .close = gzip_close};
    if (inflateInit2(&g->zlib, WINDOW_BITS_GZIP) != Z_OK) {
        free(g);
        return sl_error_nomem(err);
    }
    *ret = &g->packed;
    return 0;
}
