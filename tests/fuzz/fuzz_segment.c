/* A segment of state: damage is named, and rows that are given out are rows. The first byte: with bit 0 the frames get checks
 * that fit, so that what follows them is reached; with bit 1 blocks are verified at once; with bit 2 the file is not there, with
 * bit 3 it cannot be opened, with bit 4 it is longer than the catalog says. */
#include "core/base/error.h"
#include "state/store/frame.h"
#include "state/store/segment.h"
#include "tests/fuzz/memory_io.h"
#include "text/row_codec.h"

#include <errno.h>
#include <stdlib.h>
#include <xxhash.h>

enum { SEALED = 1, VERIFIED = 2, MISSING = 4, FORBIDDEN = 8, LONGER = 16 };

struct segment_io {
    struct memory_io memory; /* first */
    uint8_t how;
};

static int memory_openat(struct sl_io *io, int dirfd, const char *path, int flags, mode_t mode)
{
    uint8_t how = ((const struct segment_io *)(const void *)io)->how;
    errno = how & MISSING ? ENOENT : EACCES;
    return how & (MISSING | FORBIDDEN) ? -1 : 0;
}

static int memory_fstat(struct sl_io *io, int fd, struct stat *ret)
{
    const struct segment_io *file = (const struct segment_io *)(const void *)io;
    *ret =
        (struct stat){.st_mode = S_IFREG, .st_size = (off_t)file->memory.len + (file->how & LONGER ? 1 : 0)};
    return 0;
}

static int memory_close(struct sl_io *io, int fd)
{
    return 0;
}

static const struct sl_io_ops segment_io_ops = {
    .openat = memory_openat, .pread = memory_pread, .fstat = memory_fstat, .close = memory_close};

/* The hash that the catalog would know; sealed: after each frame's check was made to fit. */
static uint64_t hash_frames(uint8_t *bytes, size_t len, bool sealed)
{
    XXH3_state_t *hash = XXH3_createState();
    size_t at = 0;
    if (!hash)
        abort();
    XXH3_64bits_reset(hash);
    while (len - at >= SL_FRAME_BYTES) {
        struct sl_frame frame = sl_frame_decode(bytes + at);
        if (frame.packed > len - at - SL_FRAME_BYTES)
            break;
        if (sealed)
            sl_frame_encode(&frame, bytes + at + SL_FRAME_BYTES, at, bytes + at);
        XXH3_64bits_update(hash, bytes + at + SL_FRAME_BYTES - 8, 8);
        at += SL_FRAME_BYTES + frame.packed;
    }
    uint64_t digest = XXH3_64bits_digest(hash);
    XXH3_freeState(hash);
    return digest;
}

static void read_rows(struct sl_segment *segment, const struct sl_segment_section *section)
{
    struct sl_segment_rows rows;
    struct sl_field field[SL_ROWCODE_WIDTH_MAX];
    struct sl_error err;
    uint32_t width;
    uint64_t given = 0;
    sl_segment_rows_init(&rows, segment, section);
    while (sl_segment_rows_next(&rows, field, &width, &err) > 0)
        if (width > SL_ROWCODE_WIDTH_MAX || ++given > section->rows)
            abort();
    sl_segment_rows_done(&rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sl_segment *segment;
    struct sl_error err;
    if (size < 2)
        return 0;
    uint8_t *copy = malloc(size - 1);
    if (!copy)
        abort();
    memcpy(copy, data + 1, size - 1);
    uint64_t hash = hash_frames(copy, size - 1, data[0] & SEALED);
    struct segment_io file = {{.io = {&segment_io_ops}, .bytes = copy, .len = size - 1}, data[0]};
    int r = sl_segment_open(&file.memory.io, 0, "fuzz", size - 1, hash, data[0] & VERIFIED, &segment, &err);
    if (r == 0) {
        for (size_t i = 0; i < segment->sections; i++)
            read_rows(segment, &segment->section[i]);
        sl_segment_close(segment);
    } else if (r != SL_EDAMAGED && !(data[0] & FORBIDDEN)) {
        abort();
    }
    free(copy);
    return 0;
}
