#include "text/writable.h"

#include "core/base/error.h"
#include "text/format.h"
#include "text/json.h"
#include "text/unicode.h"

#include <endian.h>
#include <float.h>
#include <math.h>
#include <string.h>

#define PACKAGE "org.apache.hadoop.io."

static const char *const class_names[SL_WRITABLES] = {
    [SL_WRITABLE_TEXT] = PACKAGE "Text",
    [SL_WRITABLE_BYTES] = PACKAGE "BytesWritable",
    [SL_WRITABLE_INT] = PACKAGE "IntWritable",
    [SL_WRITABLE_LONG] = PACKAGE "LongWritable",
    [SL_WRITABLE_FLOAT] = PACKAGE "FloatWritable",
    [SL_WRITABLE_DOUBLE] = PACKAGE "DoubleWritable",
    [SL_WRITABLE_BOOLEAN] = PACKAGE "BooleanWritable",
    [SL_WRITABLE_NULL] = PACKAGE "NullWritable",
};

const char *sl_writable_class_name(enum sl_writable kind)
{
    return class_names[kind];
}

const char *sl_writable_name(enum sl_writable kind)
{
    return class_names[kind] + sizeof PACKAGE - 1;
}

enum sl_writable sl_writable_find(const void *name, size_t len)
{
    int kind = 0;
    for (; kind < SL_WRITABLES; kind++) {
        const char *full = class_names[kind], *simple = sl_writable_name((enum sl_writable)kind);
        if ((strlen(full) == len && memcmp(full, name, len) == 0) ||
            (strlen(simple) == len && memcmp(simple, name, len) == 0))
            break;
    }
    return (enum sl_writable)kind;
}

enum sl_writable sl_writable_of(const struct sl_field *field)
{
    switch ((enum sl_tag)field->tag) {
    case SL_NIL:
        return SL_WRITABLE_NULL;
    case SL_BOOL:
        return SL_WRITABLE_BOOLEAN;
    case SL_INT:
        return SL_WRITABLE_LONG;
    case SL_FLOAT:
        return SL_WRITABLE_DOUBLE;
    case SL_STR:
        return sl_utf8_is_valid(field->str, field->len) ? SL_WRITABLE_TEXT : SL_WRITABLE_BYTES;
    case SL_LIST:
    case SL_MAP:
        return SL_WRITABLE_TEXT;
    }
    sl_assert(!"a field has no such tag");
}

/* ---- integers of variable length ---- */

bool sl_vint_append(struct sl_buf *buf, int64_t value)
{
    uint8_t bytes[9];
    size_t count = 0;
    if (value >= -112 && value <= 127)
        return sl_buf_byte(buf, (uint8_t)value);
    uint64_t left = (uint64_t)(value < 0 ? ~value : value);
    for (uint64_t rest = left; rest; rest >>= 8)
        count++;
    bytes[0] = (uint8_t)((value < 0 ? -120 : -112) - (int)count);
    for (size_t i = 0; i < count; i++)
        bytes[1 + i] = (uint8_t)(left >> (8 * (count - 1 - i)));
    return sl_buf_append(buf, bytes, 1 + count);
}

size_t sl_vint_size(uint8_t first)
{
    int8_t value = (int8_t)first;
    if (value >= -112)
        return 1;
    return (size_t)(value < -120 ? -119 - value : -111 - value);
}

bool sl_vint_read(const uint8_t *bytes, size_t len, size_t *at, int64_t *ret)
{
    if (*at >= len)
        return false;
    int8_t first = (int8_t)bytes[*at];
    size_t size = sl_vint_size((uint8_t)first);
    if (size > len - *at)
        return false;
    uint64_t value = 0;
    for (size_t i = 1; i < size; i++)
        value = value << 8 | bytes[*at + i];
    *ret = size == 1 ? first : first < -120 ? (int64_t)~value : (int64_t)value;
    *at += size;
    return true;
}

/* ---- writing ---- */

static bool append_be32(struct sl_buf *buf, uint32_t value)
{
    value = htobe32(value);
    return sl_buf_append(buf, &value, sizeof value);
}

static bool append_be64(struct sl_buf *buf, uint64_t value)
{
    value = htobe64(value);
    return sl_buf_append(buf, &value, sizeof value);
}

static int refuse(const char *why, const char **ret_why)
{
    *ret_why = why;
    return SL_EREJECT;
}

static int appended(bool ok)
{
    return ok ? 0 : SL_ENOMEM;
}

static int append_text(struct sl_buf *buf, const struct sl_field *field, const char **ret_why)
{
    struct sl_buf text SL_CLEANUP(sl_buf_done) = {0};
    uint64_t replaced = 0;
    const void *bytes = field->str;
    size_t len = field->tag == SL_STR ? field->len : 0;
    if (field->tag == SL_NIL)
        return refuse("nil is no Text", ret_why);
    if (field->tag == SL_STR && !sl_utf8_is_valid(field->str, field->len))
        return refuse("the bytes are not UTF-8; BytesWritable takes any", ret_why);
    if (field->tag != SL_STR) {
        bool is_json = field->tag == SL_LIST || field->tag == SL_MAP;
        if (!(is_json ? sl_json_field(&text, field, &replaced) : sl_tsv_field(&text, field, NULL)))
            return SL_ENOMEM;
        if (replaced)
            return refuse("bytes in it are not UTF-8, as JSON is", ret_why);
        bytes = text.bytes;
        len = text.len;
    }
    if (len > INT32_MAX - 16)
        return refuse("it is too long", ret_why);
    return appended(sl_vint_append(buf, (int64_t)len) && sl_buf_append(buf, bytes, len));
}

static int append_bytes(struct sl_buf *buf, const struct sl_field *field, const char **ret_why)
{
    if (field->tag != SL_STR)
        return refuse("it is not a string", ret_why);
    if (field->len > INT32_MAX - 16)
        return refuse("it is too long", ret_why);
    return appended(append_be32(buf, field->len) && sl_buf_append(buf, field->str, field->len));
}

static bool as_integer(const struct sl_field *field, int64_t *ret)
{
    *ret = field->integer;
    return field->tag == SL_INT || (field->tag == SL_FLOAT && sl_float_is_integer(field->number, ret));
}

static int append_integer(struct sl_buf *buf, enum sl_writable kind, const struct sl_field *field,
                          const char **ret_why)
{
    int64_t integer;
    if (!as_integer(field, &integer))
        return refuse("it is not an integer", ret_why);
    if (kind == SL_WRITABLE_LONG)
        return appended(append_be64(buf, (uint64_t)integer));
    if (integer < INT32_MIN || integer > INT32_MAX)
        return refuse("it has more than 32 bits; LongWritable takes 64", ret_why);
    return appended(append_be32(buf, (uint32_t)integer));
}

static int append_float(struct sl_buf *buf, enum sl_writable kind, const struct sl_field *field,
                        const char **ret_why)
{
    double number = field->tag == SL_INT ? (double)field->integer : field->number;
    if (field->tag != SL_FLOAT && field->tag != SL_INT)
        return refuse("it is not a number", ret_why);
    double kept = kind == SL_WRITABLE_FLOAT ? (double)(float)number : number;
    if (field->tag == SL_INT && (kept >= 0x1p63 || (int64_t)kept != field->integer))
        return refuse("the integer has more digits than a float keeps", ret_why);
    if (kind == SL_WRITABLE_DOUBLE) {
        uint64_t bits;
        memcpy(&bits, &number, sizeof bits);
        return appended(append_be64(buf, bits));
    }
    if (isfinite(number) && fabs(number) > FLT_MAX)
        return refuse("it is beyond the floats of 32 bits; DoubleWritable takes 64", ret_why);
    float narrow = (float)number;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    return appended(append_be32(buf, bits));
}

int sl_writable_append(struct sl_buf *buf, enum sl_writable kind, const struct sl_field *field,
                       const char **ret_why)
{
    switch (kind) {
    case SL_WRITABLE_TEXT:
        return append_text(buf, field, ret_why);
    case SL_WRITABLE_BYTES:
        return append_bytes(buf, field, ret_why);
    case SL_WRITABLE_INT:
    case SL_WRITABLE_LONG:
        return append_integer(buf, kind, field, ret_why);
    case SL_WRITABLE_FLOAT:
    case SL_WRITABLE_DOUBLE:
        return append_float(buf, kind, field, ret_why);
    case SL_WRITABLE_BOOLEAN:
        if (field->tag != SL_BOOL)
            return refuse("it is not a boolean", ret_why);
        return appended(sl_buf_byte(buf, field->boolean));
    case SL_WRITABLE_NULL:
        return field->tag == SL_NIL ? 0 : refuse("it is not nil", ret_why);
    case SL_WRITABLES:
        break;
    }
    sl_assert(!"there is no such class");
}

/* ---- reading ---- */

static int read_string(const uint8_t *bytes, size_t len, struct sl_arena *arena, struct sl_field *ret)
{
    const uint8_t *kept = bytes;
    if (arena && len && !(kept = sl_arena_copy(arena, bytes, len)))
        return SL_ENOMEM;
    *ret = sl_string(kept, (uint32_t)len);
    return 0;
}

static int read_text(const uint8_t *bytes, size_t len, struct sl_arena *arena, struct sl_field *ret)
{
    int64_t text = 0;
    size_t at = 0;
    if (!sl_vint_read(bytes, len, &at, &text) || text < 0 || (uint64_t)text != len - at)
        return SL_EDAMAGED;
    return read_string(bytes + at, len - at, arena, ret);
}

static uint64_t be(const uint8_t *bytes, size_t len)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++)
        value = value << 8 | bytes[i];
    return value;
}

static int read_bytes(const uint8_t *bytes, size_t len, struct sl_arena *arena, struct sl_field *ret)
{
    if (len < 4 || be(bytes, 4) != len - 4)
        return SL_EDAMAGED;
    return read_string(bytes + 4, len - 4, arena, ret);
}

static struct sl_field read_number(enum sl_writable kind, const uint8_t *bytes, size_t len)
{
    uint64_t bits = be(bytes, len);
    uint32_t bits32 = (uint32_t)bits;
    float narrow;
    double number;
    memcpy(&narrow, &bits32, sizeof narrow);
    memcpy(&number, &bits, sizeof number);
    if (kind == SL_WRITABLE_INT)
        return sl_integer((int32_t)bits32);
    if (kind == SL_WRITABLE_LONG)
        return sl_integer((int64_t)bits);
    return sl_number(kind == SL_WRITABLE_FLOAT ? (double)narrow : number);
}

int sl_writable_read(enum sl_writable kind, const uint8_t *bytes, size_t len, struct sl_arena *arena,
                     struct sl_field *ret)
{
    static const uint8_t sizes[SL_WRITABLES] = {
        [SL_WRITABLE_INT] = 4,    [SL_WRITABLE_LONG] = 8,    [SL_WRITABLE_FLOAT] = 4,
        [SL_WRITABLE_DOUBLE] = 8, [SL_WRITABLE_BOOLEAN] = 1, [SL_WRITABLE_NULL] = 0,
    };
    if (kind == SL_WRITABLE_TEXT)
        return read_text(bytes, len, arena, ret);
    if (kind == SL_WRITABLE_BYTES)
        return read_bytes(bytes, len, arena, ret);
    if (len != sizes[kind])
        return SL_EDAMAGED;
    if (kind == SL_WRITABLE_NULL)
        *ret = sl_nil();
    else if (kind == SL_WRITABLE_BOOLEAN)
        *ret = sl_boolean(bytes[0] != 0);
    else
        *ret = read_number(kind, bytes, len);
    return 0;
}
