#include "sinks/bucket/element.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *entity;
    char byte;
} entities[] = {{"&amp;", '&'},   {"&lt;", '<'},  {"&gt;", '>'},  {"&quot;", '"'},
                {"&apos;", '\''}, {"&#34;", '"'}, {"&#39;", '\''}};

static bool append_decoded(struct sl_buf *buf, const char *at, const char *end)
{
    while (at < end) {
        size_t step = 1;
        char byte = *at;
        for (size_t i = 0; *at == '&' && i < sizeof entities / sizeof *entities; i++) {
            size_t len = strlen(entities[i].entity);
            if ((size_t)(end - at) >= len && memcmp(at, entities[i].entity, len) == 0) {
                step = len;
                byte = entities[i].byte;
                break;
            }
        }
        if (!sl_buf_byte(buf, (uint8_t)byte))
            return false;
        at += step;
    }
    return sl_buf_byte(buf, 0);
}

static const char *find(const char *at, const char *name, const char **ret_from, const char **ret_end)
{
    char open[64], close[64];
    snprintf(open, sizeof open, "<%s>", name);
    snprintf(close, sizeof close, "</%s>", name);
    const char *begin = strstr(at, open);
    *ret_from = begin ? begin + strlen(open) : NULL;
    *ret_end = begin ? strstr(begin, close) : NULL;
    return *ret_end ? *ret_end + strlen(close) : NULL;
}

const char *sl_s3_element(const char *at, const char *name, struct sl_buf *buf, bool *ret_nomem)
{
    const char *from, *end, *after = find(at, name, &from, &end);
    if (!after)
        return NULL;
    sl_buf_clear(buf);
    *ret_nomem |= !append_decoded(buf, from, end);
    return *ret_nomem ? NULL : after;
}

const char *sl_s3_element_raw(const char *at, const char *name, struct sl_buf *buf, bool *ret_nomem)
{
    const char *from, *end, *after = find(at, name, &from, &end);
    if (!after)
        return NULL;
    sl_buf_clear(buf);
    *ret_nomem |= !sl_buf_append(buf, from, (size_t)(end - from)) || !sl_buf_byte(buf, 0);
    return *ret_nomem ? NULL : after;
}

static int digit_of(char byte)
{
    const char *digits = "0123456789abcdef", *at = byte ? strchr(digits, byte | 0x20) : NULL;
    return byte >= '0' && byte <= '9' ? byte - '0' : at ? (int)(at - digits) : -1;
}

bool sl_s3_decode_url(char *text)
{
    char *to = text;
    for (const char *at = text; *at; to++) {
        int high = *at == '%' ? digit_of(at[1]) : 0, low = *at == '%' && high >= 0 ? digit_of(at[2]) : 0;
        if (high < 0 || low < 0 || (*at == '%' && high + low == 0))
            return false;
        *to = *at == '%' ? (char)(high << 4 | low) : *at == '+' ? ' ' : *at;
        at += *at == '%' ? 3 : 1;
    }
    *to = 0;
    return true;
}
