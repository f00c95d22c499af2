#include "core/base/array.h"
#include "core/base/error.h"
#include "state/store/frame.h"
#include "state/store/segment.h"
#include "text/row_codec.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <zstd.h>
#include <zstd_errors.h>

enum { PAYLOAD_MAX = 1 << 30 };

/* What to do about it, after what is wrong. */
static int hint_damaged(struct sl_error *err)
{
    return sl_error_hint(err, "restore the checkpoint from a backup or start over with sluice reset --yes");
}

static int damaged(const struct sl_segment *segment, uint64_t offset, struct sl_error *err)
{
    sl_error_set(err, SL_EDAMAGED, "segment %s is damaged at byte %" PRIu64, segment->path, offset);
    return hint_damaged(err);
}

/* Reads the head at `offset`, and its payload where `payload` is not NULL. */
static int read_frame(struct sl_segment *segment, uint64_t offset, uint8_t head[SL_FRAME_BYTES],
                      struct sl_frame *ret_frame, struct sl_buf *payload, struct sl_error *err)
{
    ssize_t n =
        sl_io_read_at(segment->io, segment->fd, head, SL_FRAME_BYTES, (off_t)offset, segment->path, err);
    if (n < 0)
        return (int)n;
    struct sl_frame frame = sl_frame_decode(head);
    uint64_t end = offset + SL_FRAME_BYTES + frame.packed;
    if (n != SL_FRAME_BYTES || frame.packed > PAYLOAD_MAX || frame.raw > PAYLOAD_MAX || end > segment->bytes)
        return damaged(segment, offset, err);
    *ret_frame = frame;
    if (!payload)
        return 0;
    payload->len = 0;
    if (!sl_buf_reserve(payload, frame.packed + 1))
        return sl_error_nomem(err);
    n = sl_io_read_at(segment->io, segment->fd, payload->bytes, frame.packed, (off_t)offset + SL_FRAME_BYTES,
                      segment->path, err);
    if (n < 0)
        return (int)n;
    payload->len = frame.packed;
    return n == (ssize_t)frame.packed && sl_frame_is_whole(head, payload->bytes, offset)
               ? 0
               : damaged(segment, offset, err);
}

/* ---- the list of sections ---- */

static struct sl_segment_section *new_section(struct sl_segment *segment)
{
    struct sl_segment_section *grown =
        sl_array_grow(segment->section, segment->sections, &segment->capacity, sizeof *grown);
    if (!grown)
        return NULL;
    segment->section = grown;
    return &segment->section[segment->sections];
}

static int add_section(struct sl_segment *segment, uint64_t offset, const struct sl_buf *payload,
                       struct sl_error *err)
{
    struct sl_field head[SL_ROWCODE_WIDTH_MAX];
    struct sl_arena arena = {0};
    uint32_t width;
    size_t at = 0;
    int r = sl_row_codec_read(payload->bytes, payload->len, &at, &arena, head, &width);
    bool ok = r == 0 && width == 5 && at == payload->len && head[0].tag == SL_STR;
    for (uint32_t i = 1; ok && i < 5; i++)
        ok = head[i].tag == SL_INT;
    struct sl_segment_section *section = ok ? new_section(segment) : NULL;
    char *key = section ? strndup((const char *)head[0].str, head[0].len) : NULL;
    if (key) {
        *section = (struct sl_segment_section){.key = key, .offset = offset + SL_FRAME_BYTES + payload->len};
        section->section = (struct sl_section){(enum sl_section_kind)head[1].integer,
                                               (uint32_t)head[2].integer, head[3].integer, head[4].integer};
        segment->sections++;
    }
    sl_arena_done(&arena);
    return r != SL_ENOMEM && !ok ? damaged(segment, offset, err) : key ? 0 : sl_error_nomem(err);
}

struct scan {
    struct sl_segment *segment;
    bool verify;
    XXH3_state_t *hash;
    struct sl_buf payload;
    uint64_t offset;
    bool ended;
};

static int scan_frame(struct scan *scan, struct sl_error *err)
{
    struct sl_segment *segment = scan->segment;
    uint8_t head[SL_FRAME_BYTES];
    struct sl_frame frame;
    int r = read_frame(segment, scan->offset, head, &frame, NULL, err);
    if (r == 0 && (scan->verify || frame.type != SL_FRAME_BLOCK))
        r = read_frame(segment, scan->offset, head, &frame, &scan->payload, err);
    if (r < 0)
        return r;
    bool first = scan->offset == 0, known = true;
    XXH3_64bits_update(scan->hash, head + SL_FRAME_BYTES - 8, 8);
    if (frame.type == SL_FRAME_SECTION)
        r = add_section(segment, scan->offset, &scan->payload, err);
    else if (frame.type == SL_FRAME_BLOCK && segment->sections)
        segment->section[segment->sections - 1].rows += frame.rows;
    else if (frame.type == SL_FRAME_END)
        scan->ended = frame.rows == segment->sections;
    else
        known = frame.type == SL_FRAME_HEADER && first && scan->payload.len == sizeof SL_SEGMENT_MAGIC - 1 &&
                memcmp(scan->payload.bytes, SL_SEGMENT_MAGIC, scan->payload.len) == 0;
    if (r == 0 && (!known || (first && frame.type != SL_FRAME_HEADER)))
        r = damaged(segment, scan->offset, err);
    scan->offset += SL_FRAME_BYTES + frame.packed;
    return r;
}

static int scan_frames(struct sl_segment *segment, uint64_t hash, bool verify, struct sl_error *err)
{
    struct scan scan = {segment, verify, XXH3_createState(), {0}, 0, false};
    int r = scan.hash ? 0 : sl_error_nomem(err);
    if (scan.hash)
        XXH3_64bits_reset(scan.hash);
    while (r == 0 && scan.offset < segment->bytes && !scan.ended)
        r = scan_frame(&scan, err);
    if (r == 0 && (!scan.ended || scan.offset != segment->bytes || XXH3_64bits_digest(scan.hash) != hash))
        r = damaged(segment, scan.offset, err);
    XXH3_freeState(scan.hash);
    sl_buf_done(&scan.payload);
    return r;
}

static int check_size(struct sl_segment *segment, struct sl_error *err)
{
    struct stat st;
    if (segment->io->ops->fstat(segment->io, segment->fd, &st) < 0)
        return sl_error_sys(err, errno, "looking at segment %s", segment->path);
    if ((uint64_t)st.st_size == segment->bytes)
        return 0;
    sl_error_set(err, SL_EDAMAGED, "segment %s is damaged: it has %lld bytes in place of %" PRIu64,
                 segment->path, (long long)st.st_size, segment->bytes);
    return hint_damaged(err);
}

/* Only one that is not there is damage: what else keeps it from being opened may pass. */
static int open_file(struct sl_segment *segment, int dirfd, struct sl_error *err)
{
    segment->fd = sl_io_open_file(segment->io, dirfd, segment->path, O_RDONLY | O_NOFOLLOW, 0, err);
    if (segment->fd >= 0)
        return check_size(segment, err);
    if (err->sys != ENOENT)
        return sl_error_wrap(err, "segment %s", segment->path);
    sl_error_set(err, SL_EDAMAGED, "segment %s, which the catalog names, is not there", segment->path);
    return hint_damaged(err);
}

int sl_segment_open(struct sl_io *io, int dirfd, const char *path, uint64_t bytes, uint64_t hash, bool verify,
                    struct sl_segment **ret, struct sl_error *err)
{
    struct sl_segment *segment = calloc(1, sizeof *segment);
    if (!segment || !(segment->path = strdup(path))) {
        free(segment);
        return sl_error_nomem(err);
    }
    segment->io = io;
    segment->bytes = bytes;
    segment->fd = -1;
    int r = open_file(segment, dirfd, err);
    if (r == 0)
        r = scan_frames(segment, hash, verify, err);
    if (r < 0) {
        sl_segment_close(segment);
        return r;
    }
    *ret = segment;
    return 0;
}

void sl_segment_close(struct sl_segment *segment)
{
    if (!segment)
        return;
    if (segment->fd >= 0)
        sl_io_close(segment->io, segment->fd);
    for (size_t i = 0; i < segment->sections; i++)
        free(segment->section[i].key);
    free(segment->section);
    free(segment->path);
    free(segment);
}

/* ---- rows ---- */

void sl_segment_rows_init(struct sl_segment_rows *rows, struct sl_segment *segment,
                          const struct sl_segment_section *section)
{
    *rows = (struct sl_segment_rows){.segment = segment, .offset = section->offset, .left = section->rows};
}

void sl_segment_rows_done(struct sl_segment_rows *rows)
{
    sl_buf_done(&rows->packed);
    sl_buf_done(&rows->raw);
    sl_arena_done(&rows->arena);
}

static int next_block(struct sl_segment_rows *rows, struct sl_error *err)
{
    uint8_t head[SL_FRAME_BYTES];
    struct sl_frame frame;
    int r = read_frame(rows->segment, rows->offset, head, &frame, &rows->packed, err);
    if (r < 0)
        return r;
    rows->raw.len = rows->at = 0;
    sl_arena_reset(&rows->arena);
    if (frame.type != SL_FRAME_BLOCK)
        return damaged(rows->segment, rows->offset, err);
    if (!sl_buf_reserve(&rows->raw, frame.raw))
        return sl_error_nomem(err);
    size_t len = ZSTD_decompress(rows->raw.bytes, frame.raw, rows->packed.bytes, rows->packed.len);
    if (ZSTD_isError(len) && ZSTD_getErrorCode(len) == ZSTD_error_memory_allocation)
        return sl_error_nomem(err);
    if (ZSTD_isError(len) || len != frame.raw)
        return damaged(rows->segment, rows->offset, err);
    rows->raw.len = len;
    rows->offset += SL_FRAME_BYTES + frame.packed;
    return 0;
}

int sl_segment_rows_next(struct sl_segment_rows *rows, struct sl_field *fields, uint32_t *ret_width,
                         struct sl_error *err)
{
    if (!rows->left)
        return 0;
    int r = rows->at == rows->raw.len ? next_block(rows, err) : 0;
    if (r < 0)
        return r;
    r = sl_row_codec_read(rows->raw.bytes, rows->raw.len, &rows->at, &rows->arena, fields, ret_width);
    if (r < 0)
        return r == SL_ENOMEM ? sl_error_nomem(err) : damaged(rows->segment, rows->offset, err);
    rows->left--;
    return 1;
}
