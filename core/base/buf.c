#include "core/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sl_buf_init(struct sl_buf *buf)
{
    *buf = (struct sl_buf){0};
}

void sl_buf_done(struct sl_buf *buf)
{
    free(buf->bytes);
    *buf = (struct sl_buf){0};
}

static bool grow(struct sl_buf *buf, size_t more)
{
    size_t needed;
    if (__builtin_add_overflow(buf->len, more, &needed) || needed > SIZE_MAX / 2)
        return false;
    size_t capacity = buf->capacity ? buf->capacity * 2 : 256;
    if (capacity < needed)
        capacity = needed;
    uint8_t *bytes = realloc(buf->bytes, capacity);
    if (!bytes)
        return false;
    buf->bytes = bytes;
    buf->capacity = capacity;
    return true;
}

bool sl_buf_reserve_slow(struct sl_buf *buf, size_t more)
{
    bool grown = grow(buf, more);
    buf->failed = buf->failed || !grown;
    return grown;
}

bool sl_buf_append(struct sl_buf *buf, const void *bytes, size_t len)
{
    if (!sl_buf_reserve(buf, len))
        return false;
    if (len)
        memcpy(buf->bytes + buf->len, bytes, len);
    buf->len += len;
    return true;
}

bool sl_buf_text(struct sl_buf *buf, const char *text)
{
    return sl_buf_append(buf, text, strlen(text));
}

static bool append_formatted(struct sl_buf *buf, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    bool ok = sl_buf_reserve(buf, len < 0 ? SIZE_MAX : (size_t)len + 1);
    if (ok) {
        vsnprintf((char *)buf->bytes + buf->len, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
    }
    va_end(again);
    return ok;
}

bool sl_buf_printf(struct sl_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bool ok = append_formatted(buf, format, args);
    va_end(args);
    return ok;
}

const char *sl_buf_path(struct sl_buf *buf, const char *format, ...)
{
    va_list args;
    sl_buf_clear(buf);
    va_start(args, format);
    bool ok = append_formatted(buf, format, args) && sl_buf_byte(buf, 0);
    va_end(args);
    return ok ? (const char *)buf->bytes : NULL;
}

bool sl_buf_integer(struct sl_buf *buf, int64_t integer)
{
    uint8_t digits[20];
    size_t at = sizeof digits;
    uint64_t rest = integer < 0 ? 0 - (uint64_t)integer : (uint64_t)integer;
    do
        digits[--at] = (uint8_t)('0' + rest % 10);
    while (rest /= 10);
    if (!sl_buf_reserve(buf, 21))
        return false;
    if (integer < 0)
        buf->bytes[buf->len++] = '-';
    memcpy(buf->bytes + buf->len, digits + at, sizeof digits - at);
    buf->len += sizeof digits - at;
    return true;
}

/* Characters that are not seen and change what is: of the order of text (bidirectional marks, overrides and
 * isolates), of its lines, and tags. */
static bool is_invisible(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {{0x61C, 0x61C},   {0x180E, 0x180E}, {0x200B, 0x200B}, {0x200E, 0x200F},  {0x2028, 0x202E},
                  {0x2060, 0x206F}, {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE007F}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    return false;
}

/* The length of the valid UTF-8 sequence at p, 0 if there is none; C1 controls and what is not seen count as invalid
 * here. */
static size_t printable_sequence(const uint8_t *p, size_t len)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xF0 && p[0] < 0xF8 ? 4 : p[0] >= 0xE0 ? 3 : p[0] >= 0xC2 ? 2 : 0;
    if (n == 1)
        return p[0] >= 0x20 && p[0] != 0x7F ? 1 : 0;
    if (n == 0 || n > len || p[0] >= 0xF8)
        return 0;
    uint32_t code = p[0] & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (p[i] & 0x3F);
    }
    bool surrogate = code >= 0xD800 && code < 0xE000;
    return code >= smallest[n] && code >= 0xA0 && code < 0x110000 && !surrogate && !is_invisible(code) ? n
                                                                                                       : 0;
}

bool sl_buf_safe(struct sl_buf *buf, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    for (size_t i = 0, n; i < len; i += n ? n : 1) {
        n = printable_sequence(p + i, len - i);
        if (!(n ? sl_buf_append(buf, p + i, n) : sl_buf_printf(buf, "\\x%02X", p[i])))
            return false;
    }
    return true;
}
