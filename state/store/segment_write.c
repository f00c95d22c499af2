/* The format, integers little-endian. A file is a sequence of frames:
 *
 *     u32 type         'H' header, 'S' section, 'B' block, 'E' end
 *     u32 packed       bytes of the payload
 *     u32 raw          bytes of the payload once unpacked (blocks: zstd; others are not packed)
 *     u32 rows         of a block; of the end frame: sections
 *     u64 check        XXH3-64 of the four numbers and the payload, seeded with the frame's offset
 *     payload
 *
 * The header's payload is "sluice segment 1\n". A section's is a row (text/row_codec.h): key, kind, part, t,
 * until. Blocks of a section follow it; their rows are text/row_codec.h rows. The last frame is the end. The
 * file's hash is XXH3-64 over all checks, in order. */
#include "state/store/segment.h"

#include "core/base/error.h"
#include "state/store/frame.h"
#include "text/row_codec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <zstd.h>

enum { BLOCK_BYTES = 256 << 10, LEVEL = 1 };

struct sl_segment_writer {
    struct sl_io *io;
    int dirfd, fd;
    char *path;
    uint64_t offset;
    XXH3_state_t *hash;
    ZSTD_CCtx *zstd;
    uint32_t sections, rows; /* rows of the open block */
    struct sl_buf raw, packed;
};

static void writer_free(struct sl_segment_writer *writer)
{
    if (writer->fd >= 0)
        sl_io_close(writer->io, writer->fd);
    XXH3_freeState(writer->hash);
    ZSTD_freeCCtx(writer->zstd);
    sl_buf_done(&writer->raw);
    sl_buf_done(&writer->packed);
    free(writer->path);
    free(writer);
}

void sl_segment_abort(struct sl_segment_writer *writer)
{
    if (!writer)
        return;
    (void)writer->io->ops->unlinkat(writer->io, writer->dirfd, writer->path,
                                    0); /* a start removes what is left */
    writer_free(writer);
}

static int write_frame(struct sl_segment_writer *writer, const struct sl_frame *frame, const void *payload,
                       struct sl_error *err)
{
    uint8_t head[SL_FRAME_BYTES], check[8];
    sl_frame_encode(frame, payload, writer->offset, head);
    memcpy(check, head + SL_FRAME_BYTES - 8, sizeof check);
    XXH3_64bits_update(writer->hash, check, sizeof check);
    int r = sl_io_write(writer->io, writer->fd, head, sizeof head, writer->path, err);
    if (r == 0)
        r = sl_io_write(writer->io, writer->fd, payload, frame->packed, writer->path, err);
    writer->offset += SL_FRAME_BYTES + frame->packed;
    return r;
}

static int write_plain(struct sl_segment_writer *writer, uint32_t type, uint32_t rows, const void *payload,
                       size_t len, struct sl_error *err)
{
    struct sl_frame frame = {type, (uint32_t)len, (uint32_t)len, rows};
    return write_frame(writer, &frame, payload, err);
}

int sl_segment_create(struct sl_io *io, int dirfd, const char *path, struct sl_segment_writer **ret,
                      struct sl_error *err)
{
    struct sl_segment_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return sl_error_nomem(err);
    writer->io = io;
    writer->dirfd = dirfd;
    writer->fd = -1;
    writer->path = strdup(path);
    writer->hash = XXH3_createState();
    writer->zstd = ZSTD_createCCtx();
    int fd = writer->path && writer->hash && writer->zstd
                 ? sl_io_open(io, dirfd, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600, err)
                 : sl_error_nomem(err);
    if (fd < 0) {
        writer_free(writer);
        return fd;
    }
    writer->fd = fd;
    XXH3_64bits_reset(writer->hash);
    int r = write_plain(writer, SL_FRAME_HEADER, 0, SL_SEGMENT_MAGIC, sizeof SL_SEGMENT_MAGIC - 1, err);
    if (r < 0) {
        sl_segment_abort(writer);
        return r;
    }
    *ret = writer;
    return 0;
}

static int flush_block(struct sl_segment_writer *writer, struct sl_error *err)
{
    size_t bound = ZSTD_compressBound(writer->raw.len);
    if (!writer->rows)
        return 0;
    writer->packed.len = 0;
    if (!sl_buf_reserve(&writer->packed, bound))
        return sl_error_nomem(err);
    size_t len = ZSTD_compressCCtx(writer->zstd, writer->packed.bytes, bound, writer->raw.bytes,
                                   writer->raw.len, LEVEL);
    if (ZSTD_isError(len))
        return sl_error_set(err, SL_EFAIL, "packing a block of %s: %s", writer->path, ZSTD_getErrorName(len));
    struct sl_frame frame = {SL_FRAME_BLOCK, (uint32_t)len, (uint32_t)writer->raw.len, writer->rows};
    writer->raw.len = 0;
    writer->rows = 0;
    return write_frame(writer, &frame, writer->packed.bytes, err);
}

int sl_segment_begin(struct sl_segment_writer *writer, const char *key, const struct sl_section *section,
                     struct sl_error *err)
{
    struct sl_field head[5] = {sl_string(key, strlen(key)), sl_integer(section->kind),
                               sl_integer(section->part), sl_integer(section->t),
                               sl_integer(section->until_ms)};
    int r = flush_block(writer, err);
    if (r < 0)
        return r;
    if (!sl_row_codec_append(&writer->raw, head, 5))
        return sl_error_nomem(err);
    r = write_plain(writer, SL_FRAME_SECTION, 0, writer->raw.bytes, writer->raw.len, err);
    writer->raw.len = 0;
    writer->sections++;
    return r;
}

int sl_segment_row(struct sl_segment_writer *writer, const struct sl_field *fields, uint32_t width,
                   struct sl_error *err)
{
    if (!sl_row_codec_append(&writer->raw, fields, width))
        return sl_error_nomem(err);
    writer->rows++;
    return writer->raw.len >= BLOCK_BYTES ? flush_block(writer, err) : 0;
}

int sl_segment_finish(struct sl_segment_writer *writer, uint64_t *ret_bytes, uint64_t *ret_hash,
                      struct sl_error *err)
{
    int r = flush_block(writer, err);
    if (r == 0)
        r = write_plain(writer, SL_FRAME_END, writer->sections, "", 0, err);
    if (r == 0)
        r = sl_io_sync(writer->io, writer->fd, writer->path, err);
    if (r < 0) {
        sl_segment_abort(writer);
        return r;
    }
    *ret_bytes = writer->offset;
    *ret_hash = XXH3_64bits_digest(writer->hash);
    writer_free(writer);
    return 0;
}
