/* .zst files: frames one after another, skippable ones among them; the last one ends where the file ends. */
#include "text/packed.h"

#include <stdlib.h>

#define ZSTD_STATIC_LINKING_ONLY /* ZSTD_WINDOWLOG_LIMIT_DEFAULT */
#include <zstd.h>
#include <zstd_errors.h>

struct zstd {
    struct sl_packed packed; /* first */
    ZSTD_DStream *decoder;
    bool in_frame; /* at the start as well: an empty file is no .zst file */
};

static int damaged(const struct zstd *z, size_t code, struct sl_error *err)
{
    switch (ZSTD_getErrorCode(code)) {
    case ZSTD_error_memory_allocation:
        return sl_error_nomem(err);
    case ZSTD_error_frameParameter_windowTooLarge:
        return sl_error_set(
            err, SL_EFAIL,
            "unpacking %s: it was made with a window of more than %d MiB (zstd --long), which is not "
            "read; it is not damaged: compress it again without --long",
            z->packed.path, 1 << (ZSTD_WINDOWLOG_LIMIT_DEFAULT - 20));
    case ZSTD_error_dictionary_wrong:
        return sl_error_set(
            err, SL_EFAIL,
            "unpacking %s: it was made with a dictionary (zstd -D), which is not read; it is not "
            "damaged: compress it again without one",
            z->packed.path);
    case ZSTD_error_version_unsupported:
    case ZSTD_error_frameParameter_unsupported:
        return sl_error_set(err, SL_EFAIL,
                            "unpacking %s: %s: another version of zstd made it; compress it again",
                            z->packed.path, ZSTD_getErrorName(code));
    default: /* of zstd's many */
        break;
    }
    return sl_error_set(err, SL_EFAIL, "unpacking %s: damaged before offset %lld: %s", z->packed.path,
                        sl_packed_offset(&z->packed), ZSTD_getErrorName(code));
}

/* Unpacks into buf[0..size); *ret_len may be 0. */
static int decode_some(struct zstd *z, uint8_t *buf, size_t size, size_t *ret_len, struct sl_error *err)
{
    struct sl_packed *packed = &z->packed;
    int result = sl_packed_fill(packed, 1, err);
    if (result < 0)
        return result;
    bool at_end = packed->left == 0;
    if (at_end && !z->in_frame) {
        packed->ended = true;
        return 0;
    }
    ZSTD_inBuffer in = {sl_packed_next(packed), packed->left, 0};
    ZSTD_outBuffer out = {buf, size, 0};
    size_t status = ZSTD_decompressStream(z->decoder, &out, &in);
    packed->left -= in.pos;
    *ret_len = out.pos;
    if (ZSTD_isError(status))
        return damaged(z, status, err);
    z->in_frame = status != 0;
    return at_end && z->in_frame && !out.pos ? sl_packed_truncated(packed, err) : 0;
}

static ssize_t zstd_read(struct sl_byte_stream *stream, void *buf, size_t size, struct sl_error *err)
{
    struct zstd *z = (struct zstd *)stream;
    size_t len = 0;
    int result = 0;
    while (result == 0 && !len && size && !z->packed.ended)
        result = decode_some(z, buf, size, &len, err);
    if (result == 0)
        result = sl_packed_count(&z->packed, len, err);
    return result < 0 ? result : (ssize_t)len;
}

static void zstd_close(struct sl_byte_stream *stream)
{
    struct zstd *z = (struct zstd *)stream;
    ZSTD_freeDStream(z->decoder);
    sl_packed_done(&z->packed);
    free(z);
}

int sl_zstd_open(struct sl_packed **ret, struct sl_error *err)
{
    struct zstd *z = calloc(1, sizeof *z);
    if (!z)
        return sl_error_nomem(err);
    z->packed.stream = (struct sl_byte_stream){.read = zstd_read, .close = zstd_close};
    z->in_frame = true;
    z->decoder = ZSTD_createDStream();
    if (!z->decoder) {
        free(z);
        return sl_error_nomem(err);
    }
    *ret = &z->packed;
    return 0;
}
