#include "text/row_codec.h"

#include "core/base/error.h"
#include "core/base/limits.h"

#include <string.h>

/* ---- writing ---- */

enum { VARINT_BYTES = 10 };

/* Into bytes that have room for VARINT_BYTES; returns where it ends. */
static uint8_t *put_varint(uint8_t *at, uint64_t value)
{
    for (; value > 0x7F; value >>= 7)
        *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}

static bool append_varint(struct sl_buf *buf, uint64_t value)
{
    if (!sl_buf_reserve(buf, VARINT_BYTES))
        return false;
    buf->len = (size_t)(put_varint(buf->bytes + buf->len, value) - buf->bytes);
    return true;
}

/* A tag, a number and the bytes that follow it. */
static bool append_tagged(struct sl_buf *buf, uint8_t tag, uint64_t value, const uint8_t *bytes, uint32_t len)
{
    if (!sl_buf_reserve(buf, 1 + VARINT_BYTES + (size_t)len))
        return false;
    uint8_t *at = buf->bytes + buf->len;
    *at++ = tag;
    at = put_varint(at, value);
    if (len)
        memcpy(at, bytes, len);
    buf->len = (size_t)(at + len - buf->bytes);
    return true;
}

static uint64_t zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

static bool append_float(struct sl_buf *buf, double number)
{
    uint64_t bits;
    uint8_t bytes[8];
    memcpy(&bits, &number, sizeof bits);
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(bits >> (8 * i));
    return sl_buf_byte(buf, 'd') && sl_buf_append(buf, bytes, sizeof bytes);
}

static bool append_field(struct sl_buf *buf, const struct sl_field *field);

static bool append_items(struct sl_buf *buf, uint8_t tag, const struct sl_field *field, size_t items)
{
    if (!append_tagged(buf, tag, field->len, NULL, 0))
        return false;
    for (size_t i = 0; i < items; i++)
        if (!append_field(buf, &field->items[i]))
            return false;
    return true;
}

static bool append_field(struct sl_buf *buf, const struct sl_field *field)
{
    switch ((enum sl_tag)field->tag) {
    case SL_NIL:
        return sl_buf_byte(buf, 'n');
    case SL_BOOL:
        return sl_buf_byte(buf, field->boolean ? 't' : 'f');
    case SL_INT:
        return append_tagged(buf, 'i', zigzag(field->integer), NULL, 0);
    case SL_FLOAT:
        return append_float(buf, field->number);
    case SL_STR:
        return append_tagged(buf, 's', field->len, field->str, field->len);
    case SL_LIST:
        return append_items(buf, field->flags & SL_FIELD_ROW ? 'r' : 'l', field, field->len);
    case SL_MAP:
        return append_items(buf, 'm', field, 2 * (size_t)field->len);
    }
    return false;
}

bool sl_row_codec_append(struct sl_buf *buf, const struct sl_field *fields, uint32_t width)
{
    if (!append_varint(buf, width))
        return false;
    for (uint32_t i = 0; i < width; i++)
        if (!append_field(buf, &fields[i]))
            return false;
    return true;
}

/* ---- reading ---- */

struct reader {
    const uint8_t *at, *end;
    struct sl_arena *arena;
    bool borrows; /* strings stay where they are */
    bool memory_is_out;
};

/* What an allocation gave; notes that it is nothing. */
static void *given(struct reader *reader, void *memory)
{
    reader->memory_is_out |= !memory;
    return memory;
}

static bool read_varint(struct reader *reader, uint64_t *ret)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && reader->at < reader->end; shift += 7) {
        uint8_t byte = *reader->at++;
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80)) {
            *ret = value;
            return true;
        }
    }
    return false;
}

static bool read_integer(struct reader *reader, struct sl_field *ret)
{
    uint64_t value;
    if (!read_varint(reader, &value))
        return false;
    *ret = sl_integer((int64_t)(value >> 1) ^ -(int64_t)(value & 1));
    return true;
}

static bool read_float(struct reader *reader, struct sl_field *ret)
{
    uint64_t bits = 0;
    double number;
    if (reader->end - reader->at < 8)
        return false;
    for (int i = 0; i < 8; i++)
        bits |= (uint64_t)*reader->at++ << (8 * i);
    memcpy(&number, &bits, sizeof number);
    *ret = sl_number(number);
    return true;
}

static bool read_string(struct reader *reader, struct sl_field *ret)
{
    uint64_t len;
    if (!read_varint(reader, &len) || len > (uint64_t)(reader->end - reader->at))
        return false;
    const uint8_t *bytes =
        reader->borrows ? reader->at : given(reader, sl_arena_copy(reader->arena, reader->at, len));
    if (!bytes)
        return false;
    *ret = sl_string(bytes, len);
    reader->at += len;
    return true;
}

static bool read_field(struct reader *reader, int depth, struct sl_field *ret);

/* A field takes at least a byte: a count beyond what is left is damage. */
static bool read_items(struct reader *reader, int depth, size_t per_item, uint32_t *ret_len,
                       const struct sl_field **ret_items)
{
    uint64_t count;
    if (!read_varint(reader, &count) || count > (uint64_t)(reader->end - reader->at) / per_item)
        return false;
    struct sl_field *items =
        given(reader, sl_arena_alloc(reader->arena, (count * per_item + 1) * sizeof *items));
    for (uint64_t i = 0; items && i < count * per_item; i++)
        if (!read_field(reader, depth + 1, &items[i]))
            return false;
    *ret_len = (uint32_t)count;
    *ret_items = items;
    return items != NULL;
}

static bool read_list(struct reader *reader, int depth, uint8_t flags, struct sl_field *ret)
{
    struct sl_field list = {.tag = SL_LIST, .flags = flags};
    bool ok = read_items(reader, depth, 1, &list.len, &list.items);
    *ret = list;
    return ok;
}

static bool read_map(struct reader *reader, int depth, struct sl_field *ret)
{
    struct sl_field map = {.tag = SL_MAP};
    bool ok = read_items(reader, depth, 2, &map.len, &map.items);
    for (uint32_t i = 0; ok && i < map.len; i++)
        ok = map.items[2 * i].tag == SL_STR; /* no map has other keys */
    *ret = map;
    return ok;
}

static bool read_field(struct reader *reader, int depth, struct sl_field *ret)
{
    if (reader->at == reader->end || depth > SL_ROWCODE_DEPTH_MAX)
        return false;
    uint8_t tag = *reader->at++;
    if (tag == 'i')
        return read_integer(reader, ret);
    if (tag == 's')
        return read_string(reader, ret);
    if (tag == 'd')
        return read_float(reader, ret);
    if (tag == 'l' || tag == 'r')
        return read_list(reader, depth, tag == 'r' ? SL_FIELD_ROW : 0, ret);
    if (tag == 'm')
        return read_map(reader, depth, ret);
    *ret = tag == 'n' ? sl_nil() : sl_boolean(tag == 't');
    return tag == 'n' || tag == 't' || tag == 'f';
}

static bool read_row(struct reader *reader, struct sl_field fields[SL_ROWCODE_WIDTH_MAX], uint32_t *ret_width)
{
    uint64_t width;
    if (!read_varint(reader, &width) || width > SL_ROWCODE_WIDTH_MAX)
        return false;
    for (uint32_t i = 0; i < width; i++)
        if (!read_field(reader, 0, &fields[i]))
            return false;
    *ret_width = (uint32_t)width;
    return true;
}

static int read_at(const uint8_t *bytes, size_t len, size_t *at, struct sl_arena *arena, bool borrows,
                   struct sl_field *fields, uint32_t *ret_width)
{
    struct reader reader = {bytes + *at, bytes + len, arena, borrows, false};
    if (!read_row(&reader, fields, ret_width))
        return reader.memory_is_out ? SL_ENOMEM : SL_EDAMAGED;
    *at = (size_t)(reader.at - bytes);
    return 0;
}

int sl_row_codec_read(const uint8_t *bytes, size_t len, size_t *at, struct sl_arena *arena,
                      struct sl_field fields[SL_ROWCODE_WIDTH_MAX], uint32_t *ret_width)
{
    return read_at(bytes, len, at, arena, false, fields, ret_width);
}

int sl_row_codec_borrow(const uint8_t *bytes, size_t len, size_t *at, struct sl_arena *arena,
                        struct sl_field fields[SL_ROWCODE_WIDTH_MAX], uint32_t *ret_width)
{
    return read_at(bytes, len, at, arena, true, fields, ret_width);
}

/* ---- skipping ---- */

static bool skip_bytes(struct reader *reader, uint64_t len)
{
    if (len > (uint64_t)(reader->end - reader->at))
        return false;
    reader->at += len;
    return true;
}

static bool skip_field(struct reader *reader, int depth);

static bool skip_items(struct reader *reader, int depth, uint64_t per_item)
{
    uint64_t count;
    if (!read_varint(reader, &count) || count > (uint64_t)(reader->end - reader->at) / per_item)
        return false;
    for (uint64_t i = 0; i < count * per_item; i++)
        if (!skip_field(reader, depth + 1))
            return false;
    return true;
}

static bool skip_field(struct reader *reader, int depth)
{
    uint64_t number;
    if (reader->at == reader->end || depth > SL_ROWCODE_DEPTH_MAX)
        return false;
    switch (*reader->at++) {
    case 'n':
    case 't':
    case 'f':
        return true;
    case 'i':
        return read_varint(reader, &number);
    case 's':
        return read_varint(reader, &number) && skip_bytes(reader, number);
    case 'd':
        return skip_bytes(reader, 8);
    case 'l':
    case 'r':
        return skip_items(reader, depth, 1);
    case 'm':
        return skip_items(reader, depth, 2);
    }
    return false;
}

int sl_row_codec_skip(const uint8_t *bytes, size_t len, size_t *at)
{
    struct reader reader = {.at = bytes + *at, .end = bytes + len};
    uint64_t width;
    bool ok = read_varint(&reader, &width) && width <= SL_ROWCODE_WIDTH_MAX;
    for (uint64_t i = 0; ok && i < width; i++)
        ok = skip_field(&reader, 0);
    if (ok)
        *at = (size_t)(reader.at - bytes);
    return ok ? 0 : SL_EDAMAGED;
}
