#include "receive/avro.h"

#include "receive/pairs.h"
#include "text/row_codec.h"

#include <stdlib.h>
#include <string.h>

enum { HASH_BYTES = 16, HEADERS_MAX = 4096, VARINT_BITS = 64 };

/* MD5 of Flume's protocol: the same from Flume 1.4 to 1.11. */
static const uint8_t protocol_hash[HASH_BYTES] = {0x86, 0xaa, 0xda, 0xe2, 0xc4, 0x54, 0x74, 0xc0,
                                                  0xfe, 0x93, 0xff, 0xd0, 0xf2, 0x35, 0x0a, 0x65};

/* `wrong`: what is wrong with what was read; once it is set nothing more is read. */
struct reader {
    const uint8_t *at, *end;
    const char *wrong;
    struct sl_buf *rows;
    uint32_t count;
    bool is_out_of_memory;
};

static bool fail(struct reader *reader, const char *wrong)
{
    if (!reader->wrong)
        reader->wrong = wrong;
    return false;
}

/* ---- values ---- */

static bool read_long(struct reader *reader, int64_t *ret)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < VARINT_BITS; shift += 7) {
        if (reader->wrong || reader->at == reader->end)
            return fail(reader, "it is cut");
        uint8_t byte = *reader->at++;
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *ret = (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
            return true;
        }
    }
    return fail(reader, "a number is too long");
}

static bool read_bytes(struct reader *reader, struct sl_field *ret)
{
    int64_t len;
    if (!read_long(reader, &len))
        return false;
    if (len < 0 || len > reader->end - reader->at)
        return fail(reader, "it is cut");
    *ret = sl_string(reader->at, (size_t)len);
    reader->at += len;
    return true;
}

static bool skip(struct reader *reader, size_t len)
{
    if (reader->wrong || (size_t)(reader->end - reader->at) < len)
        return fail(reader, "it is cut");
    reader->at += len;
    return true;
}

/* The items of the next block of an array or map; 0 at its end. A negative count is followed by the block's size. */
static bool read_block(struct reader *reader, int64_t *ret)
{
    int64_t size;
    if (!read_long(reader, ret))
        return false;
    if (*ret >= 0)
        return true;
    *ret = *ret == INT64_MIN ? INT64_MAX : -*ret;
    return read_long(reader, &size);
}

/* Keys and values of a map; pairs may be NULL: it is skipped. */
static bool read_map(struct reader *reader, struct sl_field *pairs, size_t *ret_count)
{
    int64_t items;
    size_t count = 0;
    struct sl_field key, value;
    while (read_block(reader, &items) && items)
        for (; items && read_bytes(reader, &key) && read_bytes(reader, &value); items--) {
            if (pairs && count == HEADERS_MAX)
                return fail(reader, "an event has too many headers");
            if (pairs) {
                pairs[2 * count] = key;
                pairs[2 * count + 1] = value;
            }
            count++;
        }
    *ret_count = count;
    return !reader->wrong;
}

/* ---- events ---- */

/* Of one event: pairs as they came, and in order. */
struct headers {
    struct sl_field read[2 * HEADERS_MAX], sorted[2 * HEADERS_MAX];
    const struct sl_field *order[HEADERS_MAX];
};

static bool read_event(struct reader *reader, struct headers *headers)
{
    size_t count;
    struct sl_field row[2];
    if (!read_map(reader, headers->read, &count) || !read_bytes(reader, &row[0]))
        return false;
    row[1] = sl_map(headers->sorted, sl_pairs_sort(headers->read, count, headers->order, headers->sorted));
    reader->is_out_of_memory = !sl_row_codec_append(reader->rows, row, 2);
    reader->count++;
    return !reader->is_out_of_memory;
}

static bool read_events(struct reader *reader, struct headers *headers)
{
    int64_t items;
    while (read_block(reader, &items) && items)
        for (; items; items--)
            if (!read_event(reader, headers))
                return false;
    return !reader->wrong;
}

/* ---- the request ---- */

static bool read_union(struct reader *reader, bool is_map)
{
    int64_t branch;
    size_t ignored;
    struct sl_field text;
    if (!read_long(reader, &branch) || branch == 0)
        return !reader->wrong;
    if (branch != 1)
        return fail(reader, "its handshake is none");
    return is_map ? read_map(reader, NULL, &ignored) : read_bytes(reader, &text);
}

static bool read_handshake(struct reader *reader)
{
    const uint8_t *hash = reader->at;
    if (!skip(reader, HASH_BYTES))
        return false;
    if (memcmp(hash, protocol_hash, HASH_BYTES) != 0)
        return fail(reader, "its protocol is not Flume's (another MD5)");
    return read_union(reader, false) && skip(reader, HASH_BYTES) && read_union(reader, true);
}

static bool read_message(struct reader *reader, struct headers *headers)
{
    size_t ignored;
    struct sl_field name;
    if (!read_map(reader, NULL, &ignored) || !read_bytes(reader, &name))
        return false;
    if (sl_field_is_text(&name, "append"))
        return read_event(reader, headers);
    if (sl_field_is_text(&name, "appendBatch"))
        return read_events(reader, headers);
    return name.len == 0 || fail(reader, "its message is neither append nor appendBatch"); /* empty: a ping */
}

int sl_avro_request(const uint8_t *bytes, size_t len, bool is_first, struct sl_buf *rows, uint32_t *count,
                    struct sl_error *err)
{
    struct reader reader = {.at = bytes, .end = bytes + len, .rows = rows};
    struct headers *headers = malloc(sizeof *headers);
    size_t before = rows->len;
    if (!headers)
        return sl_error_nomem(err);
    bool ok = (!is_first || read_handshake(&reader)) && read_message(&reader, headers);
    free(headers);
    if (ok && reader.at != reader.end)
        ok = fail(&reader, "bytes follow its parameters");
    if (ok) {
        *count += reader.count;
        return 0;
    }
    rows->len = before;
    return reader.is_out_of_memory
               ? sl_error_nomem(err)
               : sl_error_set(err, SL_EREJECT, "an Avro request cannot be read: %s", reader.wrong);
}

bool sl_avro_answer(bool is_first, struct sl_buf *buf)
{
    /* Of the handshake: both match, and no protocol, hash and metadata. Then: no metadata, no error, Status OK. */
    static const uint8_t handshake[] = {0, 0, 0, 0}, status[] = {0, 0, 0};
    return (!is_first || sl_buf_append(buf, handshake, sizeof handshake)) &&
           sl_buf_append(buf, status, sizeof status);
}
