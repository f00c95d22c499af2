/* "python": as Python's repr shows records: ('a', 1), None, True, [1, 2], {'k': 'v'}.
 *
 * Strings are taken as UTF-8; bytes that are not are shown as \xNN. Python escapes what Unicode calls not
 * printable: text/unprintable.h. */
#include "core/base/bisect.h"
#include "text/format_list.h"

#include "text/notation.h"
#include "text/number.h"
#include "text/unprintable.h"
#include "text/utf8.h"

#include <string.h>

static bool is_printable(uint32_t code)
{
    size_t count = sizeof sl_unprintable / sizeof *sl_unprintable;
    if (code >= 0x20 && code < 0x7F)
        return true;
    size_t at = SL_BISECT(i, 0, count, code > sl_unprintable[i].last);
    return at == count || code < sl_unprintable[at].first;
}

static bool hexadecimal(struct sl_buf *buf, uint32_t code)
{
    if (code < 0x100)
        return sl_buf_printf(buf, "\\x%02x", code);
    return code < 0x10000 ? sl_buf_printf(buf, "\\u%04x", code) : sl_buf_printf(buf, "\\U%08x", code);
}

/* What follows the backslash, 0 where there is no short escape. */
static uint8_t short_escape(uint32_t code, uint8_t quote)
{
    if (code == '\\' || code == quote)
        return (uint8_t)code;
    return code == '\n' ? 'n' : code == '\r' ? 'r' : code == '\t' ? 't' : 0;
}

/* The sequence at p; *ret_len is its length. */
static bool character(struct sl_buf *buf, const uint8_t *p, size_t len, uint8_t quote, size_t *ret_len)
{
    uint32_t code;
    *ret_len = sl_utf8_sequence(p, len, &code);
    if (code == SL_UTF8_INVALID) {
        *ret_len = 1;
        return hexadecimal(buf, p[0]);
    }
    uint8_t letter = short_escape(code, quote);
    if (letter)
        return sl_buf_append(buf, (uint8_t[]){'\\', letter}, 2);
    return is_printable(code) ? sl_buf_append(buf, p, *ret_len) : hexadecimal(buf, code);
}

/* Double quotes only where they save escapes. */
static uint8_t quote_for(const uint8_t *p, size_t len)
{
    return len && memchr(p, '\'', len) && !memchr(p, '"', len) ? '"' : '\'';
}

/* Nothing is replaced: \xNN shows every byte. */
static bool string(struct sl_buf *buf, const struct sl_field *field, uint64_t *replaced)
{
    const uint8_t *p = field->str;
    uint8_t quote = quote_for(p, field->len);
    if (!sl_buf_byte(buf, quote))
        return false;
    for (size_t left = field->len, step; left; p += step, left -= step)
        if (!character(buf, p, left, quote, &step))
            return false;
    return sl_buf_byte(buf, quote);
}

static bool python_rows(struct sl_buf *buf, const struct sl_chunk *chunk, uint64_t *replaced)
{
    static const struct sl_notation python = {.nil = "None",
                                              .true_ = "True",
                                              .false_ = "False",
                                              .list_open = "[",
                                              .list_close = "]",
                                              .map_open = "{",
                                              .map_close = "}",
                                              .separator = ", ",
                                              .arrow = ": ",
                                              .string = string,
                                              .number = sl_buf_float};
    return sl_notation_rows(&python, "(", ", ", ")", buf, chunk, replaced);
}

const struct sl_format sl_format_python = {
    .name = "python",
    .summary = "as Python's repr: ('a', 1)",
    .rows = python_rows,
};
