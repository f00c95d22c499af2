/* What both kinds of compressed files share: reading the file in pieces, and the limit on growth against files that
 * were made to fill the disk. */
#include "text/packed.h"

#include <stdlib.h>
#include <string.h>

enum { UNPACKED_FREE_BYTES = 1 << 30 }; /* up to here the ratio does not matter */

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
