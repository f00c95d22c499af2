/* Strings without escapes are slices of the text. With escapes they are copied: what they stand for is never
 * longer than the escape, so the text's length is room enough. Half a surrogate pair becomes U+FFFD. */
#include "text/json_scan.h"

#include "text/json_skip.h"
#include "text/number.h"
#include "text/utf8.h"

#include <string.h>

bool sl_json_fail(struct sl_json_scan *scan, const char *message)
{
    scan->message = message;
    return false;
}

/* ---- strings ---- */

/* Leaves `at` on the closing quote, a backslash, or fails. */
static bool skip_plain(struct sl_json_scan *scan)
{
    const uint8_t *p = sl_json_special(SL_JSON_VECTOR, scan->at, scan->at, scan->end);
    scan->at = p;
    if (p == scan->end)
        return sl_json_fail(scan, "string without end");
    return *p >= 0x20 || sl_json_fail(scan, "control character in a string");
}

static int hex_digit(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Four hexadecimal digits at p. */
static bool hex4(const struct sl_json_scan *scan, const uint8_t *p, uint32_t *ret)
{
    uint32_t code = 0;
    if (scan->end - p < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0)
            return false;
        code = code << 4 | (uint32_t)digit;
    }
    *ret = code;
    return true;
}

/* The code point of \uXXXX or of a pair; `at` is after the u. */
static bool unicode_escape(struct sl_json_scan *scan, uint32_t *ret)
{
    uint32_t low;
    if (!hex4(scan, scan->at, ret))
        return sl_json_fail(scan, "\\u without four hexadecimal digits");
    scan->at += 4;
    if (*ret < 0xD800 || *ret > 0xDFFF)
        return true;
    if (*ret < 0xDC00 && scan->end - scan->at >= 6 && scan->at[0] == '\\' && scan->at[1] == 'u' &&
        hex4(scan, scan->at + 2, &low) && low >= 0xDC00 && low <= 0xDFFF) {
        scan->at += 6;
        *ret = 0x10000 + ((*ret - 0xD800) << 10) + (low - 0xDC00);
        return true;
    }
    *ret = 0xFFFD;
    return true;
}

/* `at` is on the backslash. */
static bool unescape(struct sl_json_scan *scan, uint32_t *ret)
{
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    if (scan->end - scan->at < 2)
        return sl_json_fail(scan, "string without end");
    uint8_t letter = scan->at[1];
    const char *known = letter ? strchr(letters, letter) : NULL;
    if (letter == 'u') {
        scan->at += 2;
        return unicode_escape(scan, ret);
    }
    if (!known)
        return sl_json_fail(scan, "unknown escape in a string");
    scan->at += 2;
    *ret = (uint32_t)meant[known - letters];
    return true;
}

/* The end of a string is its first quote that is not escaped. */
static const uint8_t *string_end(const struct sl_json_scan *scan)
{
    const uint8_t *p = scan->at;
    while (p < scan->end && *p != '"')
        p += *p == '\\' && scan->end - p > 1 ? 2 : 1;
    return p < scan->end ? p : scan->end;
}

/* From `from` on, of which [from, at) is plain and `at` the first backslash. */
static bool copied_string(struct sl_json_scan *scan, const uint8_t *from, struct sl_field *ret)
{
    uint8_t *copy = sl_arena_bytes(scan->arena, (size_t)(string_end(scan) - from)), *to = copy;
    uint32_t code;
    if (!copy)
        return sl_json_fail(scan, NULL);
    for (;;) {
        memcpy(to, from, (size_t)(scan->at - from));
        to += scan->at - from;
        if (*scan->at == '"')
            break;
        if (!unescape(scan, &code))
            return false;
        to += sl_utf8_encode(code, to);
        from = scan->at;
        if (!skip_plain(scan))
            return false;
    }
    *ret = sl_string(copy, (size_t)(to - copy));
    return true;
}

bool sl_json_scan_string(struct sl_json_scan *scan, struct sl_field *ret)
{
    const uint8_t *from = ++scan->at;
    if (!skip_plain(scan))
        return false;
    if (*scan->at == '"')
        *ret = sl_string(from, (size_t)(scan->at - from));
    else if (!copied_string(scan, from, ret))
        return false;
    scan->at++;
    return true;
}

/* ---- numbers and names ---- */

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool skip_digits(struct sl_json_scan *scan)
{
    const uint8_t *from = scan->at, *p = from;
    while (p < scan->end && is_digit(*p))
        p++;
    scan->at = p;
    return scan->at > from || sl_json_fail(scan, "a digit is missing in a number");
}

/* JSON's grammar is narrower than what sl_float_parse reads. */
bool sl_json_skip_number(struct sl_json_scan *scan, bool *ret_whole)
{
    *ret_whole = true;
    if (sl_json_peek(scan) == '-')
        scan->at++;
    if (sl_json_peek(scan) == '0')
        scan->at++;
    else if (!skip_digits(scan))
        return false;
    if (sl_json_peek(scan) == '.') {
        *ret_whole = false;
        scan->at++;
        if (!skip_digits(scan))
            return false;
    }
    if ((sl_json_peek(scan) | 0x20) != 'e')
        return true;
    *ret_whole = false;
    scan->at++;
    if (sl_json_peek(scan) == '+' || sl_json_peek(scan) == '-')
        scan->at++;
    return skip_digits(scan);
}

static bool scan_number(struct sl_json_scan *scan, struct sl_field *ret)
{
    const uint8_t *from = scan->at;
    int64_t integer;
    double number;
    bool whole;
    if (!sl_json_skip_number(scan, &whole))
        return false;
    size_t len = (size_t)(scan->at - from);
    if (whole && sl_integer_parse(from, len, &integer)) {
        *ret = sl_integer(integer);
        return true;
    }
    bool read = sl_float_parse(from, len, &number);
    sl_assert(read);
    *ret = sl_number(number);
    return true;
}

static bool scan_name(struct sl_json_scan *scan, const char *name, struct sl_field value,
                      struct sl_field *ret)
{
    size_t len = strlen(name);
    if ((size_t)(scan->end - scan->at) < len || memcmp(scan->at, name, len) != 0)
        return sl_json_fail(scan, "a value was expected");
    scan->at += len;
    *ret = value;
    return true;
}

bool sl_json_scan_scalar(struct sl_json_scan *scan, struct sl_field *ret)
{
    uint8_t byte = sl_json_peek(scan);
    if (byte == '"')
        return sl_json_scan_string(scan, ret);
    if (byte == '-' || is_digit(byte))
        return scan_number(scan, ret);
    if (byte == 't')
        return scan_name(scan, "true", sl_boolean(true), ret);
    if (byte == 'f')
        return scan_name(scan, "false", sl_boolean(false), ret);
    if (byte == 'n')
        return scan_name(scan, "null", sl_nil(), ret);
    return sl_json_fail(scan, scan->at == scan->end ? "the text ends where a value was expected"
                                                    : "a value was expected");
}
