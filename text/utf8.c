#include "text/utf8.h"

/* What may follow a first byte: the number of bytes after it and the range of the first of them. */
struct lead {
    uint8_t more, low, high;
};

static struct lead lead_of(uint8_t byte)
{
    if (byte >= 0xC2 && byte <= 0xDF)
        return (struct lead){1, 0x80, 0xBF};
    if (byte >= 0xE0 && byte <= 0xEF)
        return (struct lead){2, byte == 0xE0 ? 0xA0 : 0x80, byte == 0xED ? 0x9F : 0xBF};
    if (byte >= 0xF0 && byte <= 0xF4)
        return (struct lead){3, byte == 0xF0 ? 0x90 : 0x80, byte == 0xF4 ? 0x8F : 0xBF};
    return (struct lead){0, 0, 0};
}

size_t sl_utf8_sequence(const uint8_t *p, size_t len, uint32_t *ret_code)
{
    *ret_code = p[0];
    if (p[0] < 0x80)
        return 1;
    struct lead lead = lead_of(p[0]);
    uint32_t code = p[0] & (0x3Fu >> lead.more);
    size_t at = 1;
    for (; at <= lead.more && at < len; at++) {
        if (p[at] < lead.low || p[at] > lead.high)
            break;
        code = code << 6 | (p[at] & 0x3F);
        lead.low = 0x80;
        lead.high = 0xBF;
    }
    *ret_code = lead.more && at == (size_t)lead.more + 1 ? code : SL_UTF8_INVALID;
    return at;
}

bool sl_utf8_is_plain(const uint8_t *bytes, size_t len)
{
    uint32_t code;
    for (size_t at = 0; at < len;) {
        at += sl_utf8_sequence(bytes + at, len - at, &code);
        if (code == SL_UTF8_INVALID || code < 0x20 || code == 0x7f)
            return false;
    }
    return true;
}

size_t sl_utf8_encode(uint32_t code, uint8_t *bytes)
{
    if (code < 0x80) {
        bytes[0] = (uint8_t)code;
        return 1;
    }
    size_t more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const uint8_t leads[] = {0, 0xC0, 0xE0, 0xF0};
    bytes[0] = (uint8_t)(leads[more] | code >> (6 * more));
    for (size_t i = 1; i <= more; i++)
        bytes[i] = (uint8_t)(0x80 | ((code >> (6 * (more - i))) & 0x3F));
    return more + 1;
}
