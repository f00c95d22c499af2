/* .zst files: frames one after another, skippable ones among them; the last one ends where the file ends. */
#include "text/packed.h"

#include <stdlib.h>

#define ZSTD_STATIC_LINKING_ONLY /* ZSTD_WINDOWLOG_LIMIT_DEFAULT */
#include <zstd.h>
#include <zstd_errors.h>

struct zstd {
    struct sl_packed packed; /* first */
    ZSTD_DStream *decoder;
    bool in_frame;      /* at the start as well: an empty file is no .zst file */
    long long frame_at; /* offset in the file of the frame that is read */
};

/* A file made with a dictionary that zstd did not train (zstd -D of any file) does not say so: it fails like a damaged
 * one, where it refers to bytes of the dictionary. With zeros in their place it can be read until its checksum is wrong;
 * a damaged file seldom can. DICTIONARY_BYTES: such references reach back to the beginning of the dictionary;
 * TRIED_BYTES: enough to pass the offset of the failure, and a limit. */
enum { DICTIONARY_BYTES = 16 << 20, TRIED_BYTES = 64 << 20, SCRATCH_BYTES = 128 << 10 };

/* Whether the bytes can be read with this decoder and what it has as a dictionary, checksum apart. */
static bool is_readable(ZSTD_DStream *decoder, ZSTD_inBuffer in, uint8_t *scratch)
{
    size_t tried = 0, status = 1;
    while (in.pos < in.size && status && !ZSTD_isError(status) && tried < TRIED_BYTES) {
        ZSTD_outBuffer out = {scratch, SCRATCH_BYTES, 0};
        status = ZSTD_decompressStream(decoder, &out, &in);
        tried += out.pos;
    }
    return !ZSTD_isError(status) || ZSTD_getErrorCode(status) == ZSTD_error_checksum_wrong;
}

/* The frame cannot be read. Overwrites the piece: nothing more is read of this file. */
static bool refers_to_a_dictionary(struct zstd *z)
{
    struct sl_packed *packed = &z->packed;
    struct sl_error ignored = {0}; /* what is reported is the failure before */
    if (sl_packed_offset(packed) - z->frame_at > SL_PACKED_PIECE_BYTES)
        return false; /* the failure lies after what is tried */
    packed->at = z->frame_at;
    packed->left = 0;
    uint8_t *zeros = calloc(1, DICTIONARY_BYTES), *scratch = malloc(SCRATCH_BYTES);
    bool found = zeros && scratch && sl_packed_fill(packed, 1, &ignored) == 0 &&
                 !ZSTD_isError(ZSTD_DCtx_reset(z->decoder, ZSTD_reset_session_only)) &&
                 !ZSTD_isError(ZSTD_DCtx_refPrefix(z->decoder, zeros, DICTIONARY_BYTES)) &&
                 is_readable(z->decoder, (ZSTD_inBuffer){sl_packed_next(packed), packed->left, 0}, scratch);
    free(zeros);
    free(scratch);
    return found;
}

static int damaged(struct zstd *z, size_t code, struct sl_error *err)
{
    long long offset = sl_packed_offset(&z->packed);
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
    case ZSTD_error_corruption_detected:
        if (refers_to_a_dictionary(z))
            return sl_error_set(
                err, SL_EFAIL,
                "unpacking %s: it refers to bytes before its beginning: it was made with a dictionary "
                "(zstd -D), which is not read: compress it again without one; without -D, it is damaged",
                z->packed.path);
        break;
    default: /* of zstd's many */
        break;
    }
    return sl_error_set(err, SL_EFAIL, "unpacking %s: damaged before offset %lld: %s", z->packed.path, offset,
                        ZSTD_getErrorName(code));
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
    z->frame_at = z->in_frame ? z->frame_at : sl_packed_offset(packed);
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
