/* The format of a received log, <checkpoint>/received/<source>/<number of the first record>.log. Integers are
 * little-endian, lengths in bytes.
 *
 *     segment   0   8  "sluicerl"
 *               8   4  version, 1
 *              12   4  0
 *              16   8  salt: random, so that no sender can write a frame into its data
 *              24   8  XXH3-64 of bytes 0..23, seeded with the number of the first record
 *              32      frames, first those of kind 6 of operators that had the source's name before, then its own
 *
 *     frame     0   4  "slrf"
 *               4   1  kind: 1 lines, 2 lines of tsv, 3 records after their lengths, 4 rows, 5 a record that is too
 *                      long, 6 all positions (frame.h)
 *               5   3  0
 *               8   8  number of the first record
 *              16   4  records
 *              20   4  length of the position
 *              24   4  length of the body
 *              28   4  0
 *              32   8  XXH3-64 of position and body, seeded with the XXH3-64 of bytes 0..31 seeded with the salt
 *              40      position of the sender after these records (kind 6: the name of the operator whose positions these
 *                      are), then the body
 *
 * Records and the position after them are one frame and one write, so they become durable together. */
#include "receive/log/frame.h"

#include <string.h>
#include <xxhash.h>

static const uint8_t segment_magic[] = {'s', 'l', 'u', 'i', 'c', 'e', 'r', 'l'},
                     frame_magic[] = {'s', 'l', 'r', 'f'};
enum { VERSION = 1, HASHED = 32 };

static void put(uint8_t *to, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get(const uint8_t *from, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)from[i] << (8 * i);
    return value;
}

/* ---- frames ---- */

bool sl_received_frame_append(struct sl_buf *buf, const struct sl_received_frame *frame, uint64_t salt)
{
    size_t size = SL_RECEIVED_FRAME_HEADER + (size_t)frame->position_len + frame->body_len;
    sl_assert(frame->body_len <= SL_RECEIVED_FRAME_BODY_MAX &&
              frame->position_len <= SL_RECEIVED_FRAME_POSITION_MAX);
    if (!sl_buf_reserve(buf, size))
        return false;
    uint8_t *at = buf->bytes + buf->len;
    memset(at, 0, SL_RECEIVED_FRAME_HEADER);
    memcpy(at, frame_magic, sizeof frame_magic);
    at[4] = (uint8_t)frame->kind;
    put(at + 8, frame->first, 8);
    put(at + 16, frame->count, 4);
    put(at + 20, frame->position_len, 4);
    put(at + 24, frame->body_len, 4);
    if (frame->position_len)
        memcpy(at + SL_RECEIVED_FRAME_HEADER, frame->position, frame->position_len);
    if (frame->body_len)
        memcpy(at + SL_RECEIVED_FRAME_HEADER + frame->position_len, frame->body, frame->body_len);
    uint64_t header = XXH3_64bits_withSeed(at, HASHED, salt);
    put(at + HASHED,
        XXH3_64bits_withSeed(at + SL_RECEIVED_FRAME_HEADER, size - SL_RECEIVED_FRAME_HEADER, header), 8);
    buf->len += size;
    return true;
}

size_t sl_received_frame_size(const uint8_t header[SL_RECEIVED_FRAME_HEADER])
{
    uint64_t position = get(header + 20, 4), body = get(header + 24, 4);
    if (memcmp(header, frame_magic, sizeof frame_magic) != 0 || position > SL_RECEIVED_FRAME_POSITION_MAX ||
        body > SL_RECEIVED_FRAME_BODY_MAX)
        return 0;
    return SL_RECEIVED_FRAME_HEADER + (size_t)(position + body);
}

bool sl_received_frame_read(const uint8_t *bytes, size_t size, uint64_t salt, struct sl_received_frame *ret)
{
    uint64_t header = XXH3_64bits_withSeed(bytes, HASHED, salt);
    if (get(bytes + HASHED, 8) !=
        XXH3_64bits_withSeed(bytes + SL_RECEIVED_FRAME_HEADER, size - SL_RECEIVED_FRAME_HEADER, header))
        return false;
    *ret = (struct sl_received_frame){
        .kind = (enum sl_received_frame_kind)bytes[4],
        .first = get(bytes + 8, 8),
        .count = (uint32_t)get(bytes + 16, 4),
        .position_len = (uint32_t)get(bytes + 20, 4),
        .body_len = (uint32_t)get(bytes + 24, 4),
    };
    ret->position = bytes + SL_RECEIVED_FRAME_HEADER;
    ret->body = ret->position + ret->position_len;
    return ret->kind >= SL_RECEIVED_FRAME_LINES && ret->kind <= SL_RECEIVED_FRAME_POSITIONS;
}

bool sl_received_frame_is_by_other(const struct sl_received_frame *frame, const char *writer)
{
    return frame->position_len && (frame->position_len != strlen(writer) ||
                                   memcmp(frame->position, writer, frame->position_len) != 0);
}

/* ---- segments ---- */

void sl_received_segment_header_write(uint8_t header[SL_RECEIVED_SEGMENT_HEADER], uint64_t salt,
                                      uint64_t first)
{
    memset(header, 0, SL_RECEIVED_SEGMENT_HEADER);
    memcpy(header, segment_magic, sizeof segment_magic);
    put(header + 8, VERSION, 4);
    put(header + 16, salt, 8);
    put(header + 24, XXH3_64bits_withSeed(header, 24, first), 8);
}

bool sl_received_segment_header_read(const uint8_t header[SL_RECEIVED_SEGMENT_HEADER], uint64_t first,
                                     uint64_t *ret_salt)
{
    if (memcmp(header, segment_magic, sizeof segment_magic) != 0 || get(header + 8, 4) != VERSION ||
        get(header + 24, 8) != XXH3_64bits_withSeed(header, 24, first))
        return false;
    *ret_salt = get(header + 16, 8);
    return true;
}
