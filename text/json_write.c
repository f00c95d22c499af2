/* Values to JSON. Strings are looked at eight bytes at a time; runs that need nothing are copied whole. */
#include "text/json.h"

#include "text/digest.h"
#include "text/notation.h"
#include "text/number.h"
#include "text/utf8.h"

#include <math.h>
#include <string.h>

static bool is_plain(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

static size_t plain_prefix(const uint8_t *p, size_t len)
{
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        uint64_t word;
        memcpy(&word, p + i, 8);
        if (!sl_word_is_ascii(word) || sl_word_has_below(word, 0x20) || sl_word_has(word, '"') ||
            sl_word_has(word, '\\'))
            break;
    }
    while (i < len && is_plain(p[i]))
        i++;
    return i;
}

/* The letter of the short escape, 0 where there is none. */
static uint8_t short_escape(uint8_t byte)
{
    switch (byte) {
    case '"':
    case '\\':
        return byte;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    }
    return 0;
}

static bool escape(struct sl_buf *buf, uint8_t byte)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t letter = short_escape(byte);
    if (letter)
        return sl_buf_append(buf, (uint8_t[]){'\\', letter}, 2);
    const uint8_t bytes[] = {'\\', 'u', '0', '0', (uint8_t)hex[byte >> 4], (uint8_t)hex[byte & 15]};
    return sl_buf_append(buf, bytes, sizeof bytes);
}

/* The sequence at p, which is no plain byte; *ret_len is its length. */
static bool special(struct sl_buf *buf, const uint8_t *p, size_t len, size_t *ret_len, uint64_t *replaced)
{
    uint32_t code;
    *ret_len = sl_utf8_sequence(p, len, &code);
    if (code < 0x80)
        return escape(buf, p[0]);
    if (code != SL_UTF8_INVALID)
        return sl_buf_append(buf, p, *ret_len);
    if (replaced)
        ++*replaced;
    return sl_buf_append(buf, "\xEF\xBF\xBD", 3);
}

static bool quoted(struct sl_buf *buf, const uint8_t *p, size_t len, uint64_t *replaced)
{
    if (!sl_buf_byte(buf, '"'))
        return false;
    for (size_t step; len; p += step, len -= step) {
        step = plain_prefix(p, len);
        if (step ? !sl_buf_append(buf, p, step) : !special(buf, p, len, &step, replaced))
            return false;
    }
    return sl_buf_byte(buf, '"');
}

bool sl_json_string(struct sl_buf *buf, const void *bytes, size_t len, uint64_t *replaced)
{
    size_t room;
    if (plain_prefix(bytes, len) < len)
        return quoted(buf, bytes, len, replaced);
    if (__builtin_add_overflow(len, 2, &room) || !sl_buf_reserve(buf, room))
        return sl_buf_fail(buf);
    uint8_t *at = buf->bytes + buf->len;
    *at++ = '"';
    if (len)
        memcpy(at, bytes, len);
    at[len] = '"';
    buf->len += room;
    return true;
}

bool sl_json_text(struct sl_buf *buf, const char *text)
{
    return text ? sl_json_string(buf, text, strlen(text), NULL) : sl_buf_text(buf, "null");
}

static bool member_name(struct sl_buf *buf, const char *name)
{
    bool is_first = buf->len && buf->bytes[buf->len - 1] == '{';
    return sl_buf_printf(buf, is_first ? "\"%s\":" : ",\"%s\":", name);
}

bool sl_json_member(struct sl_buf *buf, const char *name, const char *text)
{
    return member_name(buf, name) && sl_json_text(buf, text);
}

bool sl_json_member_bytes(struct sl_buf *buf, const char *name, const void *bytes, size_t len)
{
    uint64_t replaced = 0;
    if (!member_name(buf, name) || !sl_json_string(buf, bytes, len, &replaced))
        return false;
    return !replaced || (sl_buf_printf(buf, ",\"%s_base64\":\"", name) && sl_buf_base64(buf, bytes, len) &&
                         sl_buf_byte(buf, '"'));
}

bool sl_json_member_integer(struct sl_buf *buf, const char *name, bool is_known, int64_t integer)
{
    return member_name(buf, name) && (is_known ? sl_buf_integer(buf, integer) : sl_buf_text(buf, "null"));
}

static bool json_string(struct sl_buf *buf, const struct sl_field *field, uint64_t *replaced)
{
    return sl_json_string(buf, field->str, field->len, replaced);
}

static bool json_number(struct sl_buf *buf, double number)
{
    return isfinite(number) ? sl_buf_float(buf, number) : sl_buf_text(buf, "null");
}

bool sl_json_field(struct sl_buf *buf, const struct sl_field *field, uint64_t *replaced)
{
    static const struct sl_notation json = {.nil = "null",
                                            .true_ = "true",
                                            .false_ = "false",
                                            .list_open = "[",
                                            .list_close = "]",
                                            .map_open = "{",
                                            .map_close = "}",
                                            .separator = ",",
                                            .arrow = ":",
                                            .string = json_string,
                                            .number = json_number};
    return sl_notation_field(&json, buf, field, replaced);
}
