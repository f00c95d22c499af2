#include "sinks/table/fit.h"

#include "core/base/error.h"
#include "text/format.h"
#include "text/json.h"
#include "text/number.h"
#include "text/typed.h"
#include "text/utf8.h"

#include <float.h>
#include <math.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* Times that a timestamp can hold everywhere: of the years 1 to 9999. */
static const int64_t time_min_ms = INT64_C(-62135596800000), time_max_ms = INT64_C(253402300799999);

static int misfit(const char **why, const char *text)
{
    *why = text;
    return SL_EREJECT;
}

static bool is_container(const struct sl_field *value)
{
    return value->tag == SL_LIST || value->tag == SL_MAP;
}

/* ---- text ---- */

static size_t ascii_prefix(const struct sl_field *text)
{
    size_t at = 0;
    for (uint64_t word; at + 8 <= text->len; at += 8) {
        memcpy(&word, text->str + at, 8);
        if (!sl_word_is_ascii(word))
            break;
    }
    return at;
}

static int check_text(const struct sl_field *text, const char **why)
{
    if (text->len && memchr(text->str, 0, text->len))
        return misfit(why, "a NUL byte cannot be stored");
    for (size_t at = ascii_prefix(text), step; at < text->len; at += step) {
        uint32_t code;
        step = sl_utf8_sequence(text->str + at, text->len - at, &code);
        if (code == SL_UTF8_INVALID)
            return misfit(why, "the bytes are not UTF-8");
    }
    return 0;
}

bool sl_table_is_text(const struct sl_field *string)
{
    const char *ignored;
    return check_text(string, &ignored) == 0;
}

/* Whether there is a number in it that JSON does not have, for which null would be written. Recursion is bounded: nothing
 * makes a field deeper than SL_DEPTH_MAX. */
static bool has_no_json_number(const struct sl_field *value)
{
    size_t items = value->tag == SL_LIST ? value->len : value->tag == SL_MAP ? 2 * (size_t)value->len : 0;
    bool found = value->tag == SL_FLOAT && !isfinite(value->number);
    for (size_t i = 0; !found && i < items; i++)
        found = has_no_json_number(&value->items[i]);
    return found;
}

/* What `make` writes of the value. */
static int written(struct sl_arena *arena, const struct sl_field *value, bool json, uint64_t *replaced,
                   struct sl_field *ret)
{
    struct sl_buf buf;
    sl_buf_init(&buf);
    bool ok = json ? sl_json_field(&buf, value, replaced) : sl_tsv_field(&buf, value, NULL);
    uint8_t *copy = ok ? sl_arena_copy(arena, buf.bytes, buf.len) : NULL;
    if (copy)
        *ret = sl_string(copy, buf.len);
    sl_buf_done(&buf);
    return copy ? 0 : SL_ENOMEM;
}

static int as_json(struct sl_arena *arena, const struct sl_field *value, struct sl_field *ret,
                   const char **why)
{
    uint64_t replaced = 0;
    if (has_no_json_number(value))
        return misfit(why, "JSON has no such number");
    int r = written(arena, value, true, &replaced, ret);
    return r == 0 && replaced ? misfit(why, "the bytes are not UTF-8") : r;
}

static int as_text(struct sl_arena *arena, const struct sl_field *value, struct sl_field *ret,
                   const char **why)
{
    int r = 0;
    *ret = *value;
    if (is_container(value))
        r = as_json(arena, value, ret, why);
    else if (value->tag != SL_STR)
        r = written(arena, value, false, NULL, ret);
    return r < 0 ? r : check_text(ret, why);
}

/* ---- numbers ---- */

static int as_boolean(const struct sl_field *value, struct sl_field *ret, const char **why)
{
    static const char *const words[] = {"f",  "t",   "false", "true", "n",   "y",
                                        "no", "yes", "0",     "1",    "off", "on"};
    *ret = *value;
    if (value->tag == SL_BOOL)
        return 0;
    for (size_t i = 0; value->tag == SL_STR && i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == value->len &&
            strncasecmp(words[i], (const char *)value->str, value->len) == 0) {
            *ret = sl_boolean(i & 1);
            return 0;
        }
    return misfit(why, "it is no boolean");
}

static int as_integer(int64_t min, int64_t max, const struct sl_field *value, struct sl_field *ret,
                      const char **why)
{
    int64_t integer = 0;
    bool good = value->tag == SL_INT ||
                (value->tag == SL_FLOAT && sl_float_is_integer(value->number, &integer)) ||
                (value->tag == SL_STR && sl_integer_parse(value->str, value->len, &integer));
    if (value->tag == SL_INT)
        integer = value->integer;
    if (!good)
        return misfit(why, "it is no integer");
    if (integer < min || integer > max)
        return misfit(why, "the integer is out of range");
    *ret = sl_integer(integer);
    return 0;
}

/* Of a float of so many bits after the first. */
static int integer_as_float(int bits, int64_t integer, struct sl_field *ret, const char **why)
{
    uint64_t digits = integer < 0 ? -(uint64_t)integer : (uint64_t)integer;
    bool fits = !digits || digits >> __builtin_ctzll(digits) >> bits <= 1;
    *ret = sl_number((double)integer);
    return fits ? 0 : misfit(why, "the integer has more digits than such a number");
}

/* A float and the text of a number are rounded to what the column holds; an integer is stored as it is, or not. */
static int as_float(int bits, const struct sl_field *value, struct sl_field *ret, const char **why)
{
    double number = value->number;
    if (value->tag == SL_INT)
        return integer_as_float(bits, value->integer, ret, why);
    if (value->tag == SL_STR && !sl_float_parse(value->str, value->len, &number))
        return misfit(why, "it is no number");
    if (value->tag != SL_STR && value->tag != SL_FLOAT)
        return misfit(why, "it is no number");
    *ret = sl_number(number);
    return 0;
}

static int as_numeric(const struct sl_field *value, struct sl_field *ret, const char **why)
{
    double ignored;
    bool good = value->tag == SL_INT || value->tag == SL_FLOAT ||
                (value->tag == SL_STR && sl_float_parse(value->str, value->len, &ignored));
    *ret = *value;
    return good ? 0 : misfit(why, "it is no number");
}

bool sl_table_put_time(struct sl_buf *buf, int64_t ms, const uint8_t *digits, size_t count)
{
    int64_t seconds = ms / 1000 - (ms % 1000 < 0);
    time_t time = (time_t)seconds;
    struct tm tm;
    gmtime_r(&time, &tm); /* of the years 1 to 9999: it fits */
    return sl_buf_printf(buf, "%04d-%02d-%02d %02d:%02d:%02d.%03d", tm.tm_year + 1900, tm.tm_mon + 1,
                         tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(ms - seconds * 1000)) &&
           sl_buf_append(buf, digits, count) && sl_buf_text(buf, "+00");
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* The digits of a fraction of a second after those of the ms, without zeros at the end; how many there are. */
static size_t digits_after_ms(const struct sl_field *text, const uint8_t **ret)
{
    enum { MS_DIGITS = 3 };
    size_t from = 0, end;
    while (from < text->len && text->str[from] != '.' && text->str[from] != ',')
        from++;
    for (end = from + 1; end < text->len && is_digit(text->str[end]);)
        end++;
    from += 1 + MS_DIGITS;
    while (end > from && text->str[end - 1] == '0')
        end--;
    *ret = end > from ? text->str + from : NULL;
    return end > from ? end - from : 0;
}

/* A time in a text, of which the ms are known, as text where it is finer. */
static int as_fine_time(struct sl_arena *arena, const struct sl_field *text, int64_t ms, struct sl_field *ret)
{
    const uint8_t *digits;
    size_t count = digits_after_ms(text, &digits);
    struct sl_buf buf;
    if (!count)
        return 0;
    sl_buf_init(&buf);
    uint8_t *copy =
        sl_table_put_time(&buf, ms, digits, count) ? sl_arena_copy(arena, buf.bytes, buf.len) : NULL;
    if (copy)
        *ret = sl_string(copy, buf.len);
    sl_buf_done(&buf);
    return copy ? 0 : SL_ENOMEM;
}

static int as_time(struct sl_arena *arena, bool is_fine, const struct sl_field *value, struct sl_field *ret,
                   const char **why)
{
    int64_t ms = 0;
    *ret = *value;
    if (value->tag == SL_STR && !sl_typed_timestamp(value->str, value->len, &ms))
        return check_text(value, why); /* the database knows more forms */
    if (value->tag == SL_INT)
        ms = value->integer;
    else if (value->tag == SL_FLOAT ? !sl_float_is_integer(value->number, &ms) : value->tag != SL_STR)
        return misfit(why, "it is no time");
    if (ms < time_min_ms || ms > time_max_ms)
        return misfit(why, "the time is out of range");
    *ret = sl_integer(ms);
    return is_fine && value->tag == SL_STR ? as_fine_time(arena, value, ms, ret) : 0;
}

static int as_value(struct sl_arena *arena, const struct sl_field *value, struct sl_field *ret,
                    const char **why)
{
    *ret = *value;
    return is_container(value) ? as_json(arena, value, ret, why) : 0;
}

int sl_table_fit(enum sl_table_kind kind, struct sl_arena *arena, const struct sl_field *value,
                 struct sl_field *ret, const char **ret_why)
{
    *ret = sl_nil();
    if (value->tag == SL_NIL)
        return 0;
    switch (kind) {
    case SL_TABLE_ANY:
    case SL_TABLE_TEXT:
        return as_text(arena, value, ret, ret_why);
    case SL_TABLE_BOOLEAN:
        return as_boolean(value, ret, ret_why);
    case SL_TABLE_INT2:
        return as_integer(INT16_MIN, INT16_MAX, value, ret, ret_why);
    case SL_TABLE_INT4:
        return as_integer(INT32_MIN, INT32_MAX, value, ret, ret_why);
    case SL_TABLE_INT8:
        return as_integer(INT64_MIN, INT64_MAX, value, ret, ret_why);
    case SL_TABLE_INTEGER:
        if (value->tag != SL_BOOL)
            return as_integer(INT64_MIN, INT64_MAX, value, ret, ret_why);
        *ret = sl_integer(value->boolean);
        return 0;
    case SL_TABLE_FLOAT4:
        return as_float(FLT_MANT_DIG - 1, value, ret, ret_why);
    case SL_TABLE_FLOAT:
        return as_float(DBL_MANT_DIG - 1, value, ret, ret_why);
    case SL_TABLE_NUMERIC:
        return as_numeric(value, ret, ret_why);
    case SL_TABLE_BYTES:
        *ret = *value;
        return value->tag == SL_STR ? 0 : misfit(ret_why, "it is no string of bytes");
    case SL_TABLE_JSON:
        return as_json(arena, value, ret, ret_why);
    case SL_TABLE_TIMESTAMP:
    case SL_TABLE_TIMESTAMP6:
        return as_time(arena, kind == SL_TABLE_TIMESTAMP6, value, ret, ret_why);
    case SL_TABLE_DYNAMIC:
        return as_value(arena, value, ret, ret_why);
    }
    return misfit(ret_why, "it fits nowhere");
}
