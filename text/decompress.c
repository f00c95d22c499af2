/* Opening compressed files, and what both kinds share: reading the file in pieces, and the limit on growth
 * against files that were made to fill the disk. */
#include "text/decompress.h"

#include "text/packed.h"

#include <stdlib.h>
#include <string.h>

enum { UNPACKED_FREE_BYTES = 1 << 30 }; /* up to here the ratio does not matter */

static bool has_suffix(const char *name, const char *suffix)
{
    size_t len = strlen(name), suffix_len = strlen(suffix);
    return len > suffix_len && memcmp(name + len - suffix_len, suffix, suffix_len) == 0;
}

bool sl_name_is_compressed(const char *name)
{
    return has_suffix(name, ".gz") || has_suffix(name, ".zst");
}

int sl_decompress_open(struct sl_io *io, int fd, const char *path, int64_t size, struct sl_byte_stream **ret,
                       struct sl_error *err)
{
    struct sl_packed *packed = NULL;
    sl_assert(sl_name_is_compressed(path));
    int result = has_suffix(path, ".gz") ? sl_gzip_open(&packed, err) : sl_zstd_open(&packed, err);
    if (result < 0)
        return result;
    packed->io = io;
    packed->fd = fd;
    packed->size = size;
    packed->path = strdup(path);
    if (!packed->path) {
        packed->stream.close(&packed->stream);
        return sl_error_nomem(err);
    }
    *ret = &packed->stream;
    return 0;
}

bool sl_decompress_garbage(const struct sl_byte_stream *stream)
{
    return ((const struct sl_packed *)stream)->garbage;
}

void sl_packed_done(struct sl_packed *packed)
{
    free(packed->path);
    packed->path = NULL;
}

const uint8_t *sl_packed_next(const struct sl_packed *packed)
{
    return packed->piece + packed->piece_len - packed->left;
}

long long sl_packed_offset(const struct sl_packed *packed)
{
    return (long long)packed->at - (long long)packed->left;
}

int sl_packed_fill(struct sl_packed *packed, size_t wanted, struct sl_error *err)
{
    if (packed->left >= wanted || packed->at >= packed->size)
        return 0;
    if (packed->left)
        memmove(packed->piece, sl_packed_next(packed), packed->left);
    size_t room = sizeof packed->piece - packed->left;
    if ((uint64_t)(packed->size - packed->at) < room)
        room = (size_t)(packed->size - packed->at);
    ssize_t got = sl_io_read_at(packed->io, packed->fd, packed->piece + packed->left, room, packed->at,
                                packed->path, err);
    if (got < 0)
        return (int)got;
    packed->at += got;
    packed->left += (size_t)got;
    packed->piece_len = packed->left;
    if ((size_t)got < room)
        return sl_error_set(err, SL_EFAIL, "%s: shrank from %lld to %lld bytes while it was read",
                            packed->path, (long long)packed->size, (long long)packed->at);
    return 0;
}

int sl_packed_count(struct sl_packed *packed, size_t unpacked, struct sl_error *err)
{
    packed->unpacked += unpacked;
    if (packed->unpacked <= UNPACKED_FREE_BYTES || packed->unpacked / SL_RATIO_MAX < (uint64_t)packed->size)
        return 0;
    return sl_error_set(err, SL_EFAIL,
                        "unpacking %s: at offset %lld it has grown beyond 1 GiB and %d times its size",
                        packed->path, sl_packed_offset(packed), SL_RATIO_MAX);
}

int sl_packed_truncated(const struct sl_packed *packed, struct sl_error *err)
{
    return sl_error_set(err, SL_EFAIL, "unpacking %s: truncated: it ends at offset %lld within a member",
                        packed->path, sl_packed_offset(packed));
}
