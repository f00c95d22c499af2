/* Numbers to text and back, whatever the locale.
 *
 * Formatting: whole floats below 10^15 are integers with ".0"; the rest goes through text/decimal.h.
 *
 * Parsing: the text is reduced to digits and a power of ten. Up to 2^53 and 10^22 both are exact floats and
 * one multiplication or division rounds correctly; anything else is handed to strtod as
 * "<digits>e<exponent>", which has no decimal point that a locale could change. */
#include "text/number.h"

#include "core/rows/field.h"
#include "text/decimal.h"
#include "text/integer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    FIXED_POINT_MIN = -3, /* 0.0001 is written out, 0.00001 is 1e-05 */
    FIXED_POINT_MAX = 16, /* as is 1234567890123456.0, but 1e+16 is not */
    /* No decimal between two floats needs more digits to be rounded; a last 1 stands for those left out. */
    DIGITS_KEPT_MAX = 780,
    EXPONENT_LIMIT = 100000,
    EXACT_POWER_MAX = 22,
};

static size_t put(char *at, const char *bytes, int count)
{
    memcpy(at, bytes, (size_t)count);
    return (size_t)count;
}

static size_t put_zeros(char *at, int count)
{
    memset(at, '0', (size_t)count);
    return (size_t)count;
}

/* 123.0, 12.3, 0.00123 */
static size_t format_fixed(const struct sl_decimal *d, char *text)
{
    size_t n = 0;
    if (d->point <= 0) {
        n += put(text, "0.", 2);
        n += put_zeros(text + n, -d->point);
        return n + put(text + n, d->digits, d->count);
    }
    int before = d->point < d->count ? d->point : d->count;
    n += put(text, d->digits, before);
    n += put_zeros(text + n, d->point - before);
    text[n++] = '.';
    if (before == d->count)
        return n + put_zeros(text + n, 1);
    return n + put(text + n, d->digits + before, d->count - before);
}

/* 1e+22, 1.5e-07 */
static size_t format_exponent(const struct sl_decimal *d, char *text)
{
    size_t n = 0;
    int exponent = d->point - 1, magnitude = abs(exponent);
    text[n++] = d->digits[0];
    if (d->count > 1) {
        text[n++] = '.';
        n += put(text + n, d->digits + 1, d->count - 1);
    }
    text[n++] = 'e';
    text[n++] = exponent < 0 ? '-' : '+';
    if (magnitude < 10)
        text[n++] = '0';
    return n + sl_integer_format(magnitude, text + n);
}

static size_t format_finite(double number, char *text)
{
    size_t n = 0;
    if (signbit(number)) {
        text[n++] = '-';
        number = -number;
    }
    if (number < 1e15 && number == (double)(int64_t)number) {
        n += sl_integer_format((int64_t)number, text + n);
        return n + put(text + n, ".0", 2);
    }
    struct sl_decimal decimal;
    sl_decimal_shortest(number, &decimal);
    if (decimal.point >= FIXED_POINT_MIN && decimal.point <= FIXED_POINT_MAX)
        return n + format_fixed(&decimal, text + n);
    return n + format_exponent(&decimal, text + n);
}

size_t sl_float_format(double number, char *text)
{
    if (isnan(number))
        return put(text, "nan", 3);
    if (isinf(number))
        return number < 0 ? put(text, "-inf", 4) : put(text, "inf", 3);
    return format_finite(number, text);
}

bool sl_buf_float(struct sl_buf *buf, double number)
{
    if (!sl_buf_reserve(buf, SL_FLOAT_TEXT_MAX))
        return false;
    buf->len += sl_float_format(number, (char *)buf->bytes + buf->len);
    return true;
}

/* ---- parsing ---- */

struct cursor {
    const uint8_t *at, *end;
};

static bool at_digit(const struct cursor *c)
{
    return c->at < c->end && *c->at >= '0' && *c->at <= '9';
}

/* Takes the byte if it is next. */
static bool take(struct cursor *c, uint8_t byte)
{
    if (c->at == c->end || *c->at != byte)
        return false;
    c->at++;
    return true;
}

static bool take_sign(struct cursor *c)
{
    bool negative = take(c, '-');
    if (!negative)
        (void)take(c, '+'); /* it says nothing */
    return negative;
}

bool sl_integer_parse(const void *text, size_t len, int64_t *ret)
{
    struct cursor c = {text, (const uint8_t *)text + len};
    bool negative = take_sign(&c);
    int64_t value = 0;
    if (c.at == c.end)
        return false;
    for (; at_digit(&c); c.at++) {
        int digit = *c.at - '0';
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, negative ? -digit : digit, &value))
            return false;
    }
    if (c.at != c.end)
        return false;
    *ret = value;
    return true;
}

/* A number as digits * 10^exponent. */
struct decimal_text {
    char digits[DIGITS_KEPT_MAX + 32]; /* no leading zeros; room for the exponent */
    size_t count;
    int64_t exponent;
    bool any; /* a digit was there, if only zeros */
};

static void keep_digit(struct decimal_text *d, uint8_t digit, bool fraction)
{
    d->any = true;
    bool kept = d->count < DIGITS_KEPT_MAX;
    if (!kept && digit != '0')
        d->digits[DIGITS_KEPT_MAX - 1] = '1';
    if (kept && (digit != '0' || d->count))
        d->digits[d->count++] = (char)digit;
    if (kept && fraction)
        d->exponent--;
    if (!kept && !fraction)
        d->exponent++;
}

static bool read_exponent(struct cursor *c, int64_t *exponent)
{
    bool negative = take_sign(c);
    int64_t value = 0;
    if (!at_digit(c))
        return false;
    for (; at_digit(c); c->at++)
        if (value < INT32_MAX)
            value = value * 10 + (*c->at - '0');
    *exponent += negative ? -value : value;
    return true;
}

static bool read_decimal(struct cursor *c, struct decimal_text *d)
{
    for (; at_digit(c); c->at++)
        keep_digit(d, *c->at, false);
    if (take(c, '.'))
        for (; at_digit(c); c->at++)
            keep_digit(d, *c->at, true);
    if (!d->any)
        return false;
    if ((take(c, 'e') || take(c, 'E')) && !read_exponent(c, &d->exponent))
        return false;
    return c->at == c->end;
}

static double from_decimal(struct decimal_text *d)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    int64_t exponent = d->exponent;
    if (!d->count)
        return 0;
    if (d->count <= 15 && exponent >= -EXACT_POWER_MAX && exponent <= EXACT_POWER_MAX) {
        int64_t integer = 0;
        for (size_t i = 0; i < d->count; i++)
            integer = integer * 10 + (d->digits[i] - '0');
        return exponent < 0 ? (double)integer / powers[-exponent] : (double)integer * powers[exponent];
    }
    if (exponent > EXPONENT_LIMIT || exponent < -EXPONENT_LIMIT)
        exponent = exponent < 0 ? -EXPONENT_LIMIT : EXPONENT_LIMIT;
    snprintf(d->digits + d->count, sizeof d->digits - d->count, "e%lld", (long long)exponent);
    return strtod(d->digits, NULL);
}

static bool read_name(const struct cursor *c, double *ret)
{
    size_t len = (size_t)(c->end - c->at);
    const char *at = (const char *)c->at;
    if ((len == 3 && strncasecmp(at, "inf", len) == 0) || (len == 8 && strncasecmp(at, "infinity", len) == 0))
        *ret = (double)INFINITY;
    else if (len == 3 && strncasecmp(at, "nan", len) == 0)
        *ret = (double)NAN;
    else
        return false;
    return true;
}

bool sl_float_parse(const void *text, size_t len, double *ret)
{
    struct cursor c = {text, (const uint8_t *)text + len};
    struct decimal_text decimal;
    double value;
    decimal.count = 0;
    decimal.exponent = 0;
    decimal.any = false;
    bool negative = take_sign(&c);
    if (!read_name(&c, &value)) {
        if (!read_decimal(&c, &decimal))
            return false;
        value = from_decimal(&decimal);
    }
    *ret = negative ? -value : value;
    return true;
}
