#include "text/recode.h"

#include "core/base/error.h"

#include <stdlib.h>
#include <string.h>

const char *const sl_encoding_names[SL_ENCODINGS] = {"utf-8", "utf-16le", "utf-16be", "latin1"};

enum sl_encoding sl_encoding_find(const void *name, size_t len)
{
    for (int i = 0; i < SL_ENCODINGS; i++)
        if (strlen(sl_encoding_names[i]) == len && memcmp(sl_encoding_names[i], name, len) == 0)
            return (enum sl_encoding)i;
    return SL_ENCODINGS;
}

enum sl_encoding sl_encoding_of_mark(const uint8_t *bytes, size_t len)
{
    if (len >= 2 && bytes[0] == 0xFF && bytes[1] == 0xFE)
        return SL_ENCODING_UTF16LE;
    if (len >= 2 && bytes[0] == 0xFE && bytes[1] == 0xFF)
        return SL_ENCODING_UTF16BE;
    return SL_ENCODING_UTF8;
}

enum { IN_BYTES = 32 << 10, REPLACEMENT = 0xFFFD, CHARACTER_MAX = 4 };

struct recode {
    struct sl_byte_stream stream; /* first */
    struct sl_byte_stream *from;
    enum sl_encoding encoding;
    size_t at, len; /* of in[] */
    bool ended, began;
    uint32_t high; /* the first half of a pair whose second has not come; 0: none */
    uint64_t replaced;
    uint8_t in[IN_BYTES];
};

static size_t put(uint8_t *to, uint32_t c)
{
    if (c < 0x80) {
        to[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (uint8_t)(0xC0 | c >> 6);
        to[1] = (uint8_t)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        to[0] = (uint8_t)(0xE0 | c >> 12);
        to[1] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
        to[2] = (uint8_t)(0x80 | (c & 0x3F));
        return 3;
    }
    to[0] = (uint8_t)(0xF0 | c >> 18);
    to[1] = (uint8_t)(0x80 | (c >> 12 & 0x3F));
    to[2] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
    to[3] = (uint8_t)(0x80 | (c & 0x3F));
    return 4;
}

static size_t put_replacement(struct recode *r, uint8_t *to)
{
    r->replaced++;
    return put(to, REPLACEMENT);
}

/* Reads on after what is left. */
static int refill(struct recode *r, struct sl_error *err)
{
    memmove(r->in, r->in + r->at, r->len - r->at);
    r->len -= r->at;
    r->at = 0;
    ssize_t got = r->from->read(r->from, r->in + r->len, IN_BYTES - r->len, err);
    if (got < 0)
        return (int)got;
    r->len += (size_t)got;
    r->ended = got == 0;
    return 0;
}

static uint32_t unit_at(const struct recode *r)
{
    const uint8_t *p = r->in + r->at;
    return r->encoding == SL_ENCODING_UTF16LE ? (uint32_t)(p[0] | p[1] << 8) : (uint32_t)(p[0] << 8 | p[1]);
}

static bool is_high(uint32_t unit)
{
    return unit >= 0xD800 && unit < 0xDC00;
}

static bool is_low(uint32_t unit)
{
    return unit >= 0xDC00 && unit < 0xE000;
}

/* One unit of UTF-16: at most two characters come of it. */
static size_t take_unit(struct recode *r, uint8_t *to)
{
    uint32_t unit = unit_at(r), high = r->high;
    bool is_mark = !r->began && unit == 0xFEFF;
    size_t len = 0;
    r->at += 2;
    r->began = true;
    r->high = 0;
    if (is_mark)
        return 0;
    if (high && is_low(unit))
        return put(to, 0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00));
    if (high)
        len = put_replacement(r, to);
    if (is_high(unit)) {
        r->high = unit;
        return len;
    }
    return len + (is_low(unit) ? put_replacement(r, to + len) : put(to + len, unit));
}

/* What is left at the end: half a unit, or half a pair. */
static size_t take_end(struct recode *r, uint8_t *to)
{
    bool is_cut = r->high || r->at < r->len;
    r->high = 0;
    r->at = r->len;
    return is_cut ? put_replacement(r, to) : 0;
}

static ssize_t recode_read(struct sl_byte_stream *stream, void *buf, size_t size, struct sl_error *err)
{
    struct recode *r = (struct recode *)stream;
    size_t unit = r->encoding == SL_ENCODING_LATIN1 ? 1 : 2, len = 0;
    uint8_t *to = buf;
    while (size - len >= 2 * CHARACTER_MAX) {
        if (r->len - r->at >= unit) {
            len += unit == 1 ? put(to + len, r->in[r->at++]) : take_unit(r, to + len);
            continue;
        }
        if (r->ended)
            return (ssize_t)(len + take_end(r, to + len));
        int failed = len ? 0 : refill(r, err);
        if (failed < 0)
            return failed;
        if (len)
            break; /* what there is first */
    }
    return (ssize_t)len;
}

static void recode_close(struct sl_byte_stream *stream)
{
    struct recode *r = (struct recode *)stream;
    r->from->close(r->from);
    free(r);
}

const struct sl_byte_stream *sl_recode_source(const struct sl_byte_stream *stream)
{
    return ((const struct recode *)stream)->from;
}

uint64_t sl_recode_replaced(const struct sl_byte_stream *stream)
{
    return ((const struct recode *)stream)->replaced;
}

int sl_recode_open(struct sl_byte_stream *stream, enum sl_encoding encoding, struct sl_byte_stream **ret,
                   struct sl_error *err)
{
    if (encoding == SL_ENCODING_UTF8) {
        *ret = stream;
        return 0;
    }
    struct recode *r = malloc(sizeof *r);
    if (!r) {
        stream->close(stream);
        return sl_error_nomem(err);
    }
    memset(r, 0, offsetof(struct recode, in));
    r->stream = (struct sl_byte_stream){recode_read, recode_close};
    r->from = stream;
    r->encoding = encoding;
    *ret = &r->stream;
    return 0;
}
