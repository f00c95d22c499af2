#include "text/csv.h"

#include "core/base/error.h"

#include <string.h>

const char sl_csv_too_wide[] = "too many fields";

/* ---- where a record ends ---- */

static size_t plain_length(const struct sl_csv *csv, const uint8_t *p, size_t len)
{
    size_t i = 0;
    while (i < len && p[i] != csv->delimiter && p[i] != '\n')
        i++;
    return i;
}

static size_t quoted_length(const struct sl_csv *csv, const uint8_t *p, size_t len)
{
    const uint8_t *quote = memchr(p, csv->quote, len);
    return quote ? (size_t)(quote - p) : len;
}

static bool is_padding(const struct sl_csv *csv, uint8_t byte)
{
    return csv->trims && byte != csv->delimiter && (byte == ' ' || byte == '\t');
}

static bool is_quote(const struct sl_csv *csv, uint8_t byte)
{
    return csv->quotes && byte == csv->quote;
}

size_t sl_csv_end(const struct sl_csv *csv, enum sl_csv_place *place, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len;) {
        switch (*place) {
        case SL_CSV_START:
            if (is_padding(csv, p[i])) {
                i++;
                break;
            }
            *place = is_quote(csv, p[i]) ? SL_CSV_QUOTED : SL_CSV_PLAIN;
            i += *place == SL_CSV_QUOTED;
            break;
        case SL_CSV_PLAIN:
            i += plain_length(csv, p + i, len - i);
            if (i == len)
                return len;
            *place = SL_CSV_START;
            if (p[i] == '\n')
                return i;
            i++;
            break;
        case SL_CSV_QUOTED:
            i += quoted_length(csv, p + i, len - i);
            if (i == len)
                return len;
            *place = SL_CSV_CLOSED;
            i++;
            break;
        case SL_CSV_CLOSED: /* a second quote at once stands for one and opens again */
            *place = is_quote(csv, p[i]) ? SL_CSV_QUOTED : SL_CSV_PLAIN;
            i += *place == SL_CSV_QUOTED;
            break;
        }
    }
    return len;
}

/* ---- fields ---- */

struct splitter {
    const struct sl_csv *csv;
    struct sl_arena *arena;
    const uint8_t *at, *end;
    const char *message;
};

static int reject(struct splitter *s, const char *message)
{
    s->message = message;
    return SL_EREJECT;
}

static void skip_padding(struct splitter *s)
{
    while (s->at < s->end && is_padding(s->csv, *s->at))
        s->at++;
}

static struct sl_field plain_field(struct splitter *s)
{
    const uint8_t *from = s->at, *to = memchr(from, s->csv->delimiter, (size_t)(s->end - from));
    s->at = to ? to : s->end;
    size_t len = (size_t)(s->at - from);
    while (len && is_padding(s->csv, from[len - 1]))
        len--;
    if (len == 2 && from[0] == '\\' && from[1] == 'N')
        return sl_nil();
    return sl_string(from, len);
}

/* The quote that closes the field which begins at `from`; NULL: there is none. *ret_doubled: quotes in it. */
static const uint8_t *closing_quote(const struct splitter *s, const uint8_t *from, size_t *ret_doubled)
{
    *ret_doubled = 0;
    for (const uint8_t *p = from;; p += 2, ++*ret_doubled) {
        p = p < s->end ? memchr(p, s->csv->quote, (size_t)(s->end - p)) : NULL;
        if (!p || p + 1 == s->end || p[1] != s->csv->quote)
            return p;
    }
}

/* Leaves out the second of each two quotes. */
static void copy_undoubled(uint8_t *to, const uint8_t *from, const uint8_t *end, uint8_t quote)
{
    while (from < end) {
        *to++ = *from;
        from += *from == quote ? 2 : 1;
    }
}

static int quoted_field(struct splitter *s, struct sl_field *ret)
{
    const uint8_t *from = s->at + 1;
    size_t doubled;
    const uint8_t *close = closing_quote(s, from, &doubled);
    if (!close)
        return reject(s, "a quote is not closed");
    s->at = close + 1;
    skip_padding(s);
    if (s->at < s->end && *s->at != s->csv->delimiter)
        return reject(s, "text follows a closing quote");
    size_t len = (size_t)(close - from);
    if (!doubled) {
        *ret = sl_string(from, len);
        return 0;
    }
    uint8_t *copy = sl_arena_bytes(s->arena, len - doubled);
    if (!copy)
        return SL_ENOMEM;
    copy_undoubled(copy, from, close, s->csv->quote);
    *ret = sl_string(copy, len - doubled);
    return 0;
}

static int next_field(struct splitter *s, struct sl_field *ret)
{
    skip_padding(s);
    if (s->at < s->end && is_quote(s->csv, *s->at))
        return quoted_field(s, ret);
    *ret = plain_field(s);
    return 0;
}

int sl_csv_split(const struct sl_csv *csv, struct sl_arena *arena, const uint8_t *p, size_t len,
                 struct sl_field *fields, uint32_t fields_max, uint32_t *ret_count, const char **ret_message)
{
    struct splitter s = {csv, arena, p, p + len, NULL};
    uint32_t count = 0;
    bool more = true;
    int r = 0;
    while (more && r == 0) {
        r = count < fields_max ? next_field(&s, &fields[count++]) : reject(&s, sl_csv_too_wide);
        more = s.at < s.end; /* the delimiter */
        s.at += more;
    }
    if (r == 0)
        *ret_count = count;
    else
        *ret_message = s.message;
    return r;
}
