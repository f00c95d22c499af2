#include "core/base/pattern.h"

#include "core/base/buf.h"

#include <string.h>

bool sl_pattern_is(const char *text)
{
    return strpbrk(text, "*?[") != NULL;
}

char *sl_pattern_below(const char *dir, const char *pattern, size_t len)
{
    struct sl_buf buf = {0};
    if (!len || pattern[0] != '/') {
        for (const char *at = dir; *at; at++) {
            if (strchr("*?[\\", *at))
                sl_buf_byte(&buf, '\\');
            sl_buf_byte(&buf, (uint8_t)*at);
        }
        sl_buf_byte(&buf, '/');
    }
    sl_buf_append(&buf, pattern, len);
    sl_buf_byte(&buf, 0);
    if (buf.failed)
        sl_buf_done(&buf);
    return (char *)buf.bytes;
}
