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

const char *sl_s3_element(const char *at, const char *name, struct sl_buf *buf, bool *ret_nomem)
{
    char open[64], close[64];
    snprintf(open, sizeof open, "<%s>", name);
    snprintf(close, sizeof close, "</%s>", name);
    const char *from = strstr(at, open), *end = from ? strstr(from, close) : NULL;
    if (!end)
        return NULL;
    sl_buf_clear(buf);
    *ret_nomem |= !append_decoded(buf, from + strlen(open), end);
    return *ret_nomem ? NULL : end + strlen(close);
}
