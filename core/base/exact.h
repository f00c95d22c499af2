/* Exact sums of floats: a fixed-point number wide enough for what was added to it, rounded once at the end.
 *
 * A double is an integer times 2^-1074, so any sum of doubles is one too. It is held in two's complement, as
 * 64-bit limbs [low, low + count) of that integer; limbs below are zero, limbs above repeat the sign. Only
 * the limbs that are needed are kept: amounts of money need four. Addition is exact, so it is commutative and
 * associative, and subtraction undoes it to the last bit: neither order nor windows change a result.
 * Infinities and NaN are counted beside it, for the same reason. */
#pragma once

#include "core/base/arena.h"

#include <stdbool.h>

struct sl_exact {
    uint32_t low, count, capacity; /* limbs; capacity is what limb[] has room for */
    uint64_t *limb;
    int64_t infinite[2]; /* +inf, -inf */
    int64_t nan;
};

/* Adds (or, with `undo`, takes back) a double. False: out of memory. A zeroed struct is the
 * sum of nothing. */
bool sl_exact_add(struct sl_exact *exact, struct sl_arena *keep, double number, bool undo);

/* Adds an integer of 128 bits. */
bool sl_exact_add_integer(struct sl_exact *exact, struct sl_arena *keep, __int128 integer);

/* Adds or takes back a whole other sum. */
bool sl_exact_combine(struct sl_exact *exact, struct sl_arena *keep, const struct sl_exact *other, bool undo);

/* A deep copy. */
bool sl_exact_copy(const struct sl_exact *exact, struct sl_arena *keep, struct sl_exact *ret);

/* The sum divided by `divisor` (at least 1), rounded once to the nearest double, ties to even. Memory for the
 * work comes from scratch. False: out of memory. */
bool sl_exact_round(const struct sl_exact *exact, uint64_t divisor, struct sl_arena *scratch, double *ret);
