#include "core/base/exact.h"

#include "core/base/error.h"

#include <math.h>
#include <string.h>

enum {
    UNIT_EXPONENT = -1074, /* bit 0 of limb 0 stands for 2^-1074 */
    LIMB_BITS = 64,
    MANTISSA_BITS = 53,
};

/* ---- limbs ---- */

/* Makes room for limbs [low, high). What is new repeats the sign above and is zero below. */
static bool reach(struct sl_exact *exact, struct sl_arena *keep, uint32_t low, uint32_t high)
{
    if (!exact->count)
        exact->low = low;
    uint32_t old_high = exact->low + exact->count;
    low = low < exact->low ? low : exact->low;
    high = high > old_high ? high : old_high;
    if (low == exact->low && high == old_high)
        return true;
    uint32_t below = exact->low - low, count = high - low;
    uint64_t sign = exact->count && exact->limb[exact->count - 1] >> 63 ? UINT64_MAX : 0;
    uint64_t *limb = exact->limb;
    if (count > exact->capacity) {
        limb = sl_arena_alloc(keep, count * sizeof *limb);
        if (!limb)
            return false;
        exact->capacity = count;
    }
    if (exact->count)
        memmove(limb + below, exact->limb, exact->count * sizeof *limb);
    for (uint32_t i = 0; i < below; i++)
        limb[i] = 0;
    for (uint32_t i = below + exact->count; i < count; i++)
        limb[i] = sign;
    exact->low = low;
    exact->count = count;
    exact->limb = limb;
    return true;
}

/* Adds value to limb i and the carry to those above; what runs over the top is the sign's. */
static void add_at(struct sl_exact *exact, uint32_t i, uint64_t value)
{
    bool carry = __builtin_add_overflow(exact->limb[i], value, &exact->limb[i]);
    while (carry && ++i < exact->count)
        carry = ++exact->limb[i] == 0;
}

static void subtract_at(struct sl_exact *exact, uint32_t i, uint64_t value)
{
    bool borrow = __builtin_sub_overflow(exact->limb[i], value, &exact->limb[i]);
    while (borrow && ++i < exact->count)
        borrow = exact->limb[i]-- == 0;
}

/* Adds magnitude * 2^bit units, or subtracts it. Above the two limbs it may touch there is always a third for
 * carries and the sign: it takes 2^63 additions to fill it. */
static bool add_bits(struct sl_exact *exact, struct sl_arena *keep, uint64_t magnitude, uint32_t bit,
                     bool negative)
{
    uint32_t limb = bit / LIMB_BITS, shift = bit % LIMB_BITS;
    uint64_t low = magnitude << shift, high = shift ? magnitude >> (LIMB_BITS - shift) : 0;
    if (!magnitude)
        return true;
    if (!reach(exact, keep, limb, limb + 3))
        return false;
    limb -= exact->low;
    if (negative) {
        subtract_at(exact, limb, low);
        subtract_at(exact, limb + 1, high);
    } else {
        add_at(exact, limb, low);
        add_at(exact, limb + 1, high);
    }
    return true;
}

/* ---- adding ---- */

static bool add_special(struct sl_exact *exact, double number, bool undo)
{
    int64_t one = undo ? -1 : 1;
    if (isnan(number))
        exact->nan += one;
    else
        exact->infinite[number < 0] += one;
    return true;
}

bool sl_exact_add(struct sl_exact *exact, struct sl_arena *keep, double number, bool undo)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    uint32_t exponent = bits >> 52 & 0x7ff;
    uint64_t mantissa = bits & ((UINT64_C(1) << 52) - 1);
    if (exponent == 0x7ff)
        return add_special(exact, number, undo);
    if (exponent)
        mantissa |= UINT64_C(1) << 52;
    return add_bits(exact, keep, mantissa, exponent ? exponent - 1 : 0, (bits >> 63) != undo);
}

bool sl_exact_add_integer(struct sl_exact *exact, struct sl_arena *keep, __int128 integer)
{
    bool negative = integer < 0;
    unsigned __int128 magnitude = negative ? -(unsigned __int128)integer : (unsigned __int128)integer;
    return add_bits(exact, keep, (uint64_t)magnitude, -UNIT_EXPONENT, negative) &&
           add_bits(exact, keep, (uint64_t)(magnitude >> 64), -UNIT_EXPONENT + LIMB_BITS, negative);
}

/* Limb i of the infinite two's complement number. */
static uint64_t limb_of(const struct sl_exact *exact, uint32_t i)
{
    if (!exact->count || i < exact->low)
        return 0;
    if (i < exact->low + exact->count)
        return exact->limb[i - exact->low];
    return exact->limb[exact->count - 1] >> 63 ? UINT64_MAX : 0;
}

static void combine_limbs(struct sl_exact *exact, const struct sl_exact *other, bool undo)
{
    uint64_t carry = undo;
    for (uint32_t i = 0; i < exact->count; i++) {
        uint64_t limb = limb_of(other, exact->low + i);
        unsigned __int128 sum = (unsigned __int128)exact->limb[i] + (undo ? ~limb : limb) + carry;
        exact->limb[i] = (uint64_t)sum;
        carry = (uint64_t)(sum >> 64);
    }
}

bool sl_exact_combine(struct sl_exact *exact, struct sl_arena *keep, const struct sl_exact *other, bool undo)
{
    if (other->count && !reach(exact, keep, other->low, other->low + other->count))
        return false;
    combine_limbs(exact, other, undo);
    int64_t one = undo ? -1 : 1;
    exact->infinite[0] += one * other->infinite[0];
    exact->infinite[1] += one * other->infinite[1];
    exact->nan += one * other->nan;
    return true;
}

bool sl_exact_copy(const struct sl_exact *exact, struct sl_arena *keep, struct sl_exact *ret)
{
    uint64_t *limb = NULL;
    if (exact->count) {
        limb = sl_arena_alloc(keep, exact->count * sizeof *limb);
        if (!limb)
            return false;
        memcpy(limb, exact->limb, exact->count * sizeof *limb);
    }
    *ret = *exact;
    ret->limb = limb;
    ret->capacity = exact->count;
    return true;
}

/* ---- rounding ---- */

static void negate(uint64_t *limb, uint32_t count)
{
    bool carry = true;
    for (uint32_t i = 0; i < count; i++) {
        limb[i] = ~limb[i] + carry;
        carry = carry && limb[i] == 0;
    }
}

/* Divides in place; returns the remainder. */
static uint64_t divide(uint64_t *limb, uint32_t count, uint64_t divisor)
{
    unsigned __int128 rest = 0;
    for (uint32_t i = count; i-- > 0;) {
        rest = rest << 64 | limb[i];
        limb[i] = (uint64_t)(rest / divisor);
        rest %= divisor;
    }
    return (uint64_t)rest;
}

/* The number of the highest bit that is set, -1 for zero. */
static int64_t highest_bit(const uint64_t *limb, uint32_t count)
{
    for (uint32_t i = count; i-- > 0;)
        if (limb[i])
            return (int64_t)i * LIMB_BITS + 63 - __builtin_clzll(limb[i]);
    return -1;
}

static bool bit_at(const uint64_t *limb, int64_t bit)
{
    return bit >= 0 && (limb[bit / LIMB_BITS] >> (bit % LIMB_BITS) & 1);
}

static bool any_below(const uint64_t *limb, int64_t bit)
{
    for (int64_t i = 0; i < bit / LIMB_BITS; i++)
        if (limb[i])
            return true;
    return bit > 0 && bit % LIMB_BITS && (limb[bit / LIMB_BITS] & ((UINT64_C(1) << (bit % LIMB_BITS)) - 1));
}

/* Bits [bit, bit + 64). */
static uint64_t bits_from(const uint64_t *limb, uint32_t count, int64_t bit)
{
    uint32_t i = (uint32_t)(bit / LIMB_BITS), shift = (uint32_t)(bit % LIMB_BITS);
    uint64_t low = limb[i] >> shift;
    return shift && i + 1 < count ? low | limb[i + 1] << (LIMB_BITS - shift) : low;
}

/* The magnitude limb[count] * 2^exponent, plus a bit more if `more`, as the nearest double. */
static double nearest(const uint64_t *limb, uint32_t count, int exponent, bool more)
{
    int64_t top = highest_bit(limb, count);
    if (top < 0)
        return 0;
    int64_t last = top - (MANTISSA_BITS - 1); /* the lowest bit that a double of this size holds */
    if (last + exponent < UNIT_EXPONENT)
        last = UNIT_EXPONENT - exponent; /* subnormal */
    if (last < 0)
        last = 0;
    uint64_t mantissa = last <= top ? bits_from(limb, count, last) : 0;
    if (last > 0 && last - 1 <= top && bit_at(limb, last - 1) &&
        (more || any_below(limb, last - 1) || (mantissa & 1)))
        mantissa++;
    return ldexp((double)mantissa, (int)last + exponent);
}

static bool special(const struct sl_exact *exact, double *ret)
{
    if (!exact->nan && !exact->infinite[0] && !exact->infinite[1])
        return false;
    if (exact->nan || (exact->infinite[0] && exact->infinite[1]))
        *ret = NAN;
    else
        *ret = exact->infinite[0] ? INFINITY : -INFINITY;
    return true;
}

bool sl_exact_round(const struct sl_exact *exact, uint64_t divisor, struct sl_arena *scratch, double *ret)
{
    enum { EXTRA = 2, SHORT = 8 }; /* limbs below, for the digits a division brings: enough to round by */
    uint64_t short_limbs[SHORT] = {0};
    sl_assert(divisor >= 1);
    if (special(exact, ret))
        return true;
    uint32_t count = exact->count + EXTRA;
    uint64_t *limb = count <= SHORT ? short_limbs : sl_arena_calloc(scratch, count, sizeof *limb);
    if (!limb)
        return false;
    if (exact->count)
        memcpy(limb + EXTRA, exact->limb, exact->count * sizeof *limb);
    bool negative = limb[count - 1] >> 63;
    if (negative)
        negate(limb, count);
    bool more = divisor > 1 && divide(limb, count, divisor) != 0;
    int exponent = UNIT_EXPONENT + ((int)exact->low - EXTRA) * LIMB_BITS;
    double magnitude = nearest(limb, count, exponent, more);
    *ret = negative ? -magnitude : magnitude;
    return true;
}
