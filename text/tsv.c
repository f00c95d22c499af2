#include "text/tsv.h"

#include "core/base/error.h"

#include <string.h>

/* What the byte after a backslash stands for; -1: nothing. */
static int escaped_byte(uint8_t letter)
{
    switch (letter) {
    case '\\':
        return '\\';
    case 't':
        return '\t';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case '0':
        return 0;
    }
    return -1;
}

static size_t unescape(uint8_t *to, const uint8_t *from, const uint8_t *end)
{
    const uint8_t *first = to;
    while (from < end) {
        int byte = *from == '\\' && from + 1 < end ? escaped_byte(from[1]) : -1;
        *to++ = byte < 0 ? *from : (uint8_t)byte;
        from += byte < 0 ? 1 : 2;
    }
    return (size_t)(to - first);
}

static int field_of(struct sl_arena *arena, const uint8_t *text, size_t len, struct sl_field *ret)
{
    if (len == 2 && text[0] == '\\' && text[1] == 'N') {
        *ret = sl_nil();
        return 0;
    }
    if (!memchr(text, '\\', len)) {
        *ret = sl_string(text, len);
        return 0;
    }
    uint8_t *copy = sl_arena_bytes(arena, len);
    if (!copy)
        return SL_ENOMEM;
    *ret = sl_string(copy, unescape(copy, text, text + len));
    return 0;
}

int sl_tsv_split(struct sl_arena *arena, const uint8_t *line, size_t len, struct sl_field *fields,
                 uint32_t fields_max, uint32_t *ret_count)
{
    const uint8_t *at = line, *end = line + len, *tab = line;
    uint32_t count = 0;
    int r = 0;
    while (tab && r == 0) {
        tab = memchr(at, '\t', (size_t)(end - at));
        const uint8_t *to = tab ? tab : end;
        r = count < fields_max ? field_of(arena, at, (size_t)(to - at), &fields[count++]) : SL_EREJECT;
        at = to + 1;
    }
    if (r == 0)
        *ret_count = count;
    return r;
}
