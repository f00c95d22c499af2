/* "tsv": fields joined by tabs, one record a line, so that cut, sort, join and awk work.
 *
 * Backslash, tab, newline, carriage return and NUL are escaped; hardly any string has one, so strings are
 * looked at eight bytes at a time and copied whole. */
#include "text/format_list.h"

#include "core/base/error.h"
#include "core/rows/short_copy.h"
#include "text/integer.h"
#include "text/json.h"
#include "text/number.h"
#include "text/separated.h"
#include "text/utf8.h"

#include <string.h>

/* What follows the backslash; 0 for bytes that need none. */
static uint8_t escape_of(uint8_t byte)
{
    switch (byte) {
    case '\\':
        return '\\';
    case '\t':
        return 't';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case 0:
        return '0';
    }
    return 0;
}

/* Whether no byte of the word need be escaped; some others count, too: vertical tab, form feed and what is below them. */
static inline bool is_plain_word(uint64_t word)
{
    return !(sl_word_has_below(word, '\r' + 1) || sl_word_has(word, '\\'));
}

/* Eight bytes, some of them the same ones, that are all of up to eight. */
static inline uint64_t few_bytes(const uint8_t *p, size_t len)
{
    uint32_t first, last;
    if (len < 4)
        return len ? p[0] | (uint64_t)p[len / 2] << 8 | (uint64_t)p[len - 1] << 16 | UINT64_MAX << 24
                   : UINT64_MAX;
    memcpy(&first, p, 4);
    memcpy(&last, p + len - 4, 4);
    return first | (uint64_t)last << 32;
}

/* Whether no byte need be escaped; false where that is not known at once. */
static inline bool is_plain(const uint8_t *p, size_t len)
{
    uint64_t word;
    if (len < 8)
        return is_plain_word(few_bytes(p, len));
    for (size_t i = 0; i + 8 < len; i += 8) {
        memcpy(&word, p + i, 8);
        if (!is_plain_word(word))
            return false;
    }
    memcpy(&word, p + len - 8, 8);
    return is_plain_word(word);
}

static size_t plain_prefix(const uint8_t *p, size_t len)
{
    size_t i = 0;
    for (uint64_t word; i + 8 <= len; i += 8) {
        memcpy(&word, p + i, 8);
        if (!is_plain_word(word))
            break;
    }
    while (i < len && !escape_of(p[i]))
        i++;
    return i;
}

static bool escaped(struct sl_buf *buf, const uint8_t *p, size_t len)
{
    for (size_t step; len; p += step, len -= step) {
        step = plain_prefix(p, len);
        bool written =
            step ? sl_buf_append(buf, p, step) : sl_buf_append(buf, (uint8_t[]){'\\', escape_of(p[0])}, 2);
        if (!written)
            return false;
        step = step ? step : 1;
    }
    return true;
}

static inline __attribute__((always_inline)) bool string(struct sl_buf *buf, const uint8_t *p, size_t len)
{
    if (!is_plain(p, len))
        return escaped(buf, p, len);
    if (!len)
        return true;
    if (!sl_buf_reserve(buf, len))
        return false;
    sl_copy_short(buf->bytes + buf->len, p, len);
    buf->len += len;
    return true;
}

/* Lists and maps: JSON, then escaped like a string. */
static bool container(struct sl_buf *buf, const struct sl_field *field, uint64_t *replaced)
{
    struct sl_buf json;
    sl_buf_init(&json);
    bool written = sl_json_field(&json, field, replaced) && escaped(buf, json.bytes, json.len);
    sl_buf_done(&json);
    return written;
}

static bool any_field(struct sl_buf *buf, const struct sl_field *field, uint64_t *replaced)
{
    switch ((enum sl_tag)field->tag) {
    case SL_NIL:
        return sl_buf_append(buf, "\\N", 2);
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

bool sl_tsv_field(struct sl_buf *buf, const struct sl_field *field, uint64_t *replaced)
{
    return any_field(buf, field, replaced);
}

/* Inline in the loop over rows: the strings and integers that most fields are. */
static inline bool tsv_field(struct sl_buf *buf, const struct sl_field *field, uint64_t *replaced)
{
    if (field->tag == SL_STR)
        return string(buf, field->str, field->len);
    return field->tag == SL_INT ? sl_integer_append(buf, field->integer) : any_field(buf, field, replaced);
}

static bool tsv_rows(struct sl_buf *buf, const struct sl_chunk *chunk, uint64_t *replaced)
{
    return sl_separated_rows(buf, chunk, replaced, tsv_field, '\t');
}

const struct sl_format sl_format_tsv = {
    .name = "tsv",
    .summary = "fields joined by tabs; backslash, tab, newline, CR and NUL escaped, nil is \\N",
    .rows = tsv_rows,
};
