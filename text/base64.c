#include "text/base64.h"

#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int value_of(char c)
{
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Four digits, of which the last `padding` are '='. */
static bool decode_four(struct sl_buf *buf, const char *four, unsigned padding)
{
    uint32_t bits = 0;
    for (unsigned i = 0; i < 4; i++) {
        int value = i >= 4 - padding ? 0 : value_of(four[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
    }
    const uint8_t out[3] = {(uint8_t)(bits >> 16), (uint8_t)(bits >> 8), (uint8_t)bits};
    return sl_buf_append(buf, out, 3 - padding);
}

bool sl_base64_decode(struct sl_buf *buf, const void *text, size_t len)
{
    const char *p = text;
    if (len % 4)
        return false;
    for (size_t i = 0; i < len; i += 4) {
        unsigned padding = i + 4 < len || p[i + 3] != '=' ? 0 : p[i + 2] == '=' ? 2 : 1;
        if (!decode_four(buf, p + i, padding))
            return false;
    }
    return true;
}
