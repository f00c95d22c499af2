/* Shortest digits of a float.
 *
 * Most floats that people meet (1e-5 to 1e17) are done exactly in 128-bit integers: the float is
 * mantissa * 2^exponent; scaled by a power of ten so that it has 17 digits before the point, the interval of
 * the decimals that read back as this float contains at least one integer, and the shortest is the one that
 * ends in the most zeros. 17 digits of 10^21 * 2^53 * 4 fit in 128 bits, hence the range.
 *
 * The rest goes through snprintf and strtod with more digits until they read back; the decimal point of the
 * locale is taken out of the text, so the locale does not matter. */
#include "text/decimal.h"

#include "core/base/error.h"
#include "text/integer.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRACTION_BITS = 52, EXPONENT_BIAS = 1075, SCALE_MAX = 21, EXACT_DIGITS = 15 };

/* The float and the bounds of what reads back as it, scaled by 10^scale and in units of 2^-shift. */
struct scaled {
    __uint128_t value, low, high;
    int shift;
    int scale;
    bool bounds_included; /* ties read back as the even mantissa */
};

/* The digits are integer * 10^-scale. */
struct digits {
    uint64_t integer;
    int scale;
};

static const uint64_t powers[] = {1u,
                                  10u,
                                  100u,
                                  1000u,
                                  10000u,
                                  100000u,
                                  1000000u,
                                  10000000u,
                                  100000000u,
                                  1000000000u,
                                  10000000000u,
                                  100000000000u,
                                  1000000000000u,
                                  10000000000000u,
                                  100000000000000u,
                                  1000000000000000u,
                                  10000000000000000u,
                                  100000000000000000u,
                                  1000000000000000000u,
                                  10000000000000000000u};

static __uint128_t power(int exponent)
{
    return exponent < 19 ? powers[exponent] : (__uint128_t)powers[18] * powers[exponent - 18];
}

/* The power of ten that brings the number to 17 digits before the point. */
static int scale_of(double number)
{
    int scale = 0;
    while (number < 1e12) {
        number *= 1e4;
        scale += 4;
    }
    while (number < 1e16 && scale < SCALE_MAX) {
        number *= 10;
        scale++;
    }
    return scale;
}

static void scale_float(double number, struct scaled *ret)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    uint64_t mantissa = (bits & ((1ull << FRACTION_BITS) - 1)) | 1ull << FRACTION_BITS;
    int exponent = (int)(bits >> FRACTION_BITS) - EXPONENT_BIAS;
    ret->scale = exponent < 0 ? scale_of(number) : 0;
    ret->shift = exponent < 0 ? 2 - exponent : 2;
    __uint128_t unit = power(ret->scale) << (exponent < 0 ? 0 : exponent);
    bool closer_below = mantissa == 1ull << FRACTION_BITS; /* the next float down is half as far */
    ret->value = unit * mantissa << 2;
    ret->low = ret->value - (closer_below ? unit : unit * 2);
    ret->high = ret->value + unit * 2;
    ret->bounds_included = (mantissa & 1) == 0;
}

/* x / 2^shift is never beyond 2^64: scale_of saw to that. */
static uint64_t whole(__uint128_t x, int shift)
{
    return (uint64_t)(x >> shift);
}

static bool is_whole(__uint128_t x, int shift)
{
    return (x & ((((__uint128_t)1) << shift) - 1)) == 0;
}

/* Of the two multiples of `step` around the value the nearer one; in a tie the even one. */
static uint64_t nearer_multiple(const struct scaled *s, uint64_t step)
{
    uint64_t value = whole(s->value, s->shift), below = value / step * step;
    __uint128_t twice = (s->value - ((__uint128_t)below << s->shift)) << 1;
    __uint128_t limit = (__uint128_t)step << s->shift;
    if (twice == limit)
        return below / step % 2 ? below + step : below;
    return twice > limit ? below + step : below;
}

static struct digits shortest(const struct scaled *s)
{
    uint64_t low = whole(s->low, s->shift), high = whole(s->high, s->shift);
    if (!(s->bounds_included && is_whole(s->low, s->shift)))
        low++;
    if (!s->bounds_included && is_whole(s->high, s->shift))
        high--;
    sl_assert(low <= high);
    int zeros = 0;
    while (high / powers[zeros + 1] * powers[zeros + 1] >= low)
        zeros++;
    uint64_t step = powers[zeros], best = nearer_multiple(s, step);
    if (best < low)
        best += step;
    if (best > high)
        best -= step;
    return (struct digits){best / step, s->scale - zeros};
}

/* integer * 10^exponent */
static void decimal_set(uint64_t integer, int exponent, struct sl_decimal *ret)
{
    char text[SL_INTEGER_TEXT_MAX];
    int count = (int)sl_integer_format((int64_t)integer, text);
    ret->point = count + exponent;
    while (count > 1 && text[count - 1] == '0')
        count--;
    sl_assert(count <= SL_DECIMAL_DIGITS_MAX);
    memcpy(ret->digits, text, (size_t)count);
    ret->count = count;
}

static void exact(double number, struct sl_decimal *ret)
{
    struct scaled scaled;
    scale_float(number, &scaled);
    struct digits digits = shortest(&scaled);
    decimal_set(digits.integer, -digits.scale, ret);
}

static bool reads_back(double number, uint64_t integer, int exponent)
{
    char text[64];
    snprintf(text, sizeof text, "%llue%d", (unsigned long long)integer, exponent);
    return strtod(text, NULL) == number;
}

/* The number in `precision` + 1 digits. Above a power of two floats lie twice as far apart as below, so where
 * the nearest decimal, lying below, is not close enough, the next one up may be. */
static bool found(double number, int precision, struct sl_decimal *ret)
{
    char text[64]; /* "d<point>ddde-xx" */
    snprintf(text, sizeof text, "%.*e", precision, number);
    const char *mark = strchr(text, 'e');
    sl_assert(mark);
    uint64_t integer = (uint64_t)(text[0] - '0');
    for (const char *digit = mark - precision; digit < mark; digit++)
        integer = integer * 10 + (uint64_t)(*digit - '0');
    int exponent = (int)strtol(mark + 1, NULL, 10) - precision;
    if (!reads_back(number, integer, exponent) && !reads_back(number, ++integer, exponent))
        return false;
    decimal_set(integer, exponent, ret);
    return true;
}

/* Subnormal floats have fewer digits than 15, so all lengths are tried there; elsewhere 15 digits always
 * survive, and trailing zeros fall off by themselves. */
static void searched(double number, struct sl_decimal *ret)
{
    int precision = number < 1e-300 ? 0 : EXACT_DIGITS - 1;
    while (!found(number, precision, ret)) {
        precision++;
        sl_assert(precision < SL_DECIMAL_DIGITS_MAX);
    }
}

void sl_decimal_shortest(double number, struct sl_decimal *ret)
{
    if (number >= 1e-5 && number < 1e17)
        exact(number, ret);
    else
        searched(number, ret);
}
