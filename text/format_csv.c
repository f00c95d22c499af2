/* "csv": RFC 4180 with LF. A nil is nothing, the empty string "", so the two can be distinguished; lists and
 * maps are JSON. */
#include "text/format_list.h"

#include "core/base/error.h"
#include "text/integer.h"
#include "text/json.h"
#include "text/number.h"
#include "text/separated.h"

#include <string.h>

/* \N without quotes is a nil to who reads it. */
static bool needs_quotes(const uint8_t *p, size_t len)
{
    if (!len || (len == 2 && p[0] == '\\' && p[1] == 'N'))
        return true;
    for (size_t i = 0; i < len; i++)
        if (p[i] == ',' || p[i] == '"' || p[i] == '\n' || p[i] == '\r')
            return true;
    return false;
}

/* Doubles the quotes. */
static bool quoted(struct sl_buf *buf, const uint8_t *p, size_t len)
{
    const uint8_t *end = p + len, *quote;
    if (!sl_buf_byte(buf, '"'))
        return false;
    for (; p < end && (quote = memchr(p, '"', (size_t)(end - p))); p = quote + 1)
        if (!sl_buf_append(buf, p, (size_t)(quote + 1 - p)) || !sl_buf_byte(buf, '"'))
            return false;
    return sl_buf_append(buf, p, (size_t)(end - p)) && sl_buf_byte(buf, '"');
}

static bool string(struct sl_buf *buf, const uint8_t *p, size_t len)
{
    return needs_quotes(p, len) ? quoted(buf, p, len) : sl_buf_append(buf, p, len);
}

static bool container(struct sl_buf *buf, const struct sl_field *field, uint64_t *replaced)
{
    struct sl_buf json;
    sl_buf_init(&json);
    bool written = sl_json_field(&json, field, replaced) && string(buf, json.bytes, json.len);
    sl_buf_done(&json);
    return written;
}

static bool csv_field(struct sl_buf *buf, const struct sl_field *field, uint64_t *replaced)
{
    switch ((enum sl_tag)field->tag) {
    case SL_NIL:
        return true;
    case SL_BOOL:
        return sl_buf_text(buf, field->boolean ? "true" : "false");
    case SL_INT:
        return sl_integer_append(buf, field->integer);
    case SL_FLOAT:
        return sl_buf_float(buf, field->number);
    case SL_STR:
        return string(buf, field->str, field->len);
    case SL_LIST:
    case SL_MAP:
        return container(buf, field, replaced);
    }
    sl_assert(!"a field has no such tag");
}

static bool csv_rows(struct sl_buf *buf, const struct sl_chunk *chunk, uint64_t *replaced)
{
    return sl_separated_rows(buf, chunk, replaced, csv_field, ',');
}

const struct sl_format sl_format_csv = {
    .name = "csv",
    .summary = "comma-separated, quoted as RFC 4180 says; nil is empty, the empty string \"\"",
    .rows = csv_rows,
};
