/* The encoding of a total:
 *
 *     of integers alone   an integer, where it fits one
 *     else                a list: integer part, high and low 64 bits (two integers); count of floats; counts of +inf,
 *             -inf and NaN; number of the lowest limb; the limbs, a string of 8 bytes each, little-endian */
#include "ops/reducer/total.h"

#include "core/base/error.h"
#include "core/base/exact.h"

#include <math.h>
#include <string.h>

struct large {
    __int128 integer;    /* of the integers */
    int64_t records;     /* how many values there are */
    int64_t floats;      /* how many of them are floats */
    struct sl_exact sum; /* of the floats */
};

/* The sum of floats alone that are of about one size, none of them infinite or NaN: what most sums of floats are. It is an
 * integer of 192 bits in units of 2^(64 * low - 1074). The word that points to it has the bit COMPACT. */
struct compact {
    uint64_t limb[3];
    uint32_t low;
    uint32_t records; /* that many floats */
};

enum { ENCODED_ITEMS = 8, LIMBS_MAX = 64 };

/* ---- small, compact and large ---- */

enum { SMALL = 1, COMPACT = 2 };

static bool is_small(const union sl_state *state)
{
    return state->integer & SMALL;
}

static bool is_compact(const union sl_state *state)
{
    return (state->integer & (SMALL | COMPACT)) == COMPACT;
}

static struct compact *compact_of(const union sl_state *state)
{
    return (struct compact *)(void *)((char *)state->pointer - COMPACT);
}

enum {
    RECORDS_BITS = 20,
    RECORDS_MAX = (1 << RECORDS_BITS) - 1,
    ONE_RECORD = 1 << 1,
    TOTAL_SHIFT = RECORDS_BITS + 1,
};

static int64_t small_records(const union sl_state *state)
{
    return state->integer >> 1 & RECORDS_MAX;
}

static bool fits_small(int64_t integer, int64_t records)
{
    return integer >= INT64_MIN >> TOTAL_SHIFT && integer <= INT64_MAX >> TOTAL_SHIFT && records >= 0 &&
           records <= RECORDS_MAX;
}

static bool fits_field(__int128 integer)
{
    return integer >= INT64_MIN && integer <= INT64_MAX;
}

static union sl_state small_of(int64_t integer, int64_t records)
{
    return (union sl_state){.integer =
                                (int64_t)((uint64_t)integer << TOTAL_SHIFT | (uint64_t)records << 1 | 1)};
}

static int64_t small_value(const union sl_state *state)
{
    return state->integer >> TOTAL_SHIFT;
}

/* The state as a large one; limbs of a compact one are borrowed. */
static struct large as_large(const union sl_state *state)
{
    if (is_small(state))
        return (struct large){.integer = small_value(state), .records = small_records(state)};
    if (!is_compact(state))
        return *(const struct large *)state->pointer;
    struct compact *compact = compact_of(state);
    return (struct large){.records = compact->records,
                          .floats = compact->records,
                          .sum = {.low = compact->low, .count = 3, .capacity = 3, .limb = compact->limb}};
}

/* The state as a large one that may be written to. NULL: out of memory. */
static struct large *grow(struct sl_arena *keep, union sl_state *state)
{
    if (!is_small(state) && !is_compact(state))
        return state->pointer;
    struct large *large = sl_arena_alloc(keep, sizeof *large);
    if (!large)
        return NULL;
    *large = as_large(state);
    state->pointer = large;
    return large;
}

/* ---- compact sums ---- */

/* So far up a float may begin that 2^32 of them, 53 bits each, stay below the sign. */
enum { COMPACT_SHIFT_MAX = 191 - 32 - 53, COMPACT_BELOW = 40 };

/* A finite float: mantissa * 2^(bit - 1074). */
static bool take_apart(double number, uint64_t *ret_mantissa, uint32_t *ret_bit)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    uint32_t exponent = bits >> 52 & 0x7ff;
    *ret_mantissa = (bits & ((UINT64_C(1) << 52) - 1)) | (exponent ? UINT64_C(1) << 52 : 0);
    *ret_bit = exponent ? exponent - 1 : 0;
    return exponent != 0x7ff;
}

static void add_limbs(struct compact *compact, const uint64_t limb[3], bool negative)
{
    unsigned __int128 sum = negative;
    for (int i = 0; i < 3; i++) {
        sum += (unsigned __int128)compact->limb[i] + (negative ? ~limb[i] : limb[i]);
        compact->limb[i] = (uint64_t)sum;
        sum >>= 64;
    }
}

/* False, and nothing is done: the number is not of the size of the others, or there are too many. */
static bool add_compact(struct compact *compact, double number)
{
    uint64_t mantissa, limb[3] = {0};
    uint32_t bit, base = compact->low * 64;
    bool is_finite = take_apart(number, &mantissa, &bit);
    bool fits = !mantissa || (bit >= base && bit - base <= COMPACT_SHIFT_MAX);
    if (!is_finite || !fits || compact->records == UINT32_MAX)
        return false;
    uint32_t shift = mantissa ? bit - base : 0, at = shift / 64;
    limb[at] = mantissa << shift % 64;
    limb[at + 1] = mantissa >> 1 >> (63 - shift % 64);
    add_limbs(compact, limb, signbit(number));
    compact->records++;
    return true;
}

/* Of one float. *ret stays as it is where the float is infinite or NaN. 0 or SL_ENOMEM. */
static int create_compact(struct sl_arena *keep, double number, union sl_state *ret)
{
    uint64_t mantissa;
    uint32_t bit;
    if (!take_apart(number, &mantissa, &bit))
        return 0;
    struct compact *compact = sl_arena_alloc(keep, sizeof *compact);
    if (!compact)
        return SL_ENOMEM;
    *compact = (struct compact){.low = bit > COMPACT_BELOW ? (bit - COMPACT_BELOW) / 64 : 0};
    bool added = add_compact(compact, number);
    sl_assert(added);
    ret->pointer = (char *)compact + COMPACT;
    return 0;
}

/* False, and nothing is done: they do not fit together. */
static bool combine_compact(union sl_state *state, const union sl_state *other, bool undo)
{
    if (!is_compact(state) || !is_compact(other))
        return false;
    struct compact *to = compact_of(state);
    const struct compact *from = compact_of(other);
    bool fits = undo ? from->records <= to->records : from->records <= UINT32_MAX - to->records;
    if (to->low != from->low || !fits)
        return false;
    add_limbs(to, from->limb, undo);
    to->records += undo ? -from->records : from->records;
    if (!to->records)
        *state = small_of(0, 0);
    return true;
}

/* ---- adding ---- */

static int no_number(const char *who, struct sl_task *task, const struct sl_field *value)
{
    return sl_task_explain(task, "%s: the value is of type %s, a number is wanted", who,
                           sl_tag_name((enum sl_tag)value->tag));
}

int sl_total_create(const char *who, struct sl_task *task, struct sl_arena *keep,
                    const struct sl_field *value, union sl_state *ret)
{
    union sl_state state = small_of(0, 0);
    int r = sl_total_merge(who, task, keep, &state, value);
    if (r == 0)
        *ret = state;
    return r;
}

static int merge_float(struct sl_arena *keep, union sl_state *state, double number)
{
    if (is_compact(state) && add_compact(compact_of(state), number))
        return 0;
    if (state->integer == small_of(0, 0).integer) {
        int r = create_compact(keep, number, state);
        if (r < 0 || is_compact(state))
            return r;
    }
    struct large *large = grow(keep, state);
    if (!large || !sl_exact_add(&large->sum, keep, number, false))
        return SL_ENOMEM;
    large->floats++;
    large->records++;
    return 0;
}

/* `integer` is the total of `records` integers. */
static int merge_integers(struct sl_arena *keep, union sl_state *state, __int128 integer, int64_t records)
{
    if (is_small(state) && fits_field(integer)) {
        int64_t sum, count = small_records(state) + records;
        if (!__builtin_add_overflow(small_value(state), (int64_t)integer, &sum) && fits_small(sum, count)) {
            *state = small_of(sum, count);
            return 0;
        }
    }
    struct large *large = grow(keep, state);
    if (!large)
        return SL_ENOMEM;
    large->integer += integer;
    large->records += records;
    return 0;
}

int sl_total_merge(const char *who, struct sl_task *task, struct sl_arena *keep, union sl_state *state,
                   const struct sl_field *value)
{
    if (value->tag == SL_INT)
        return merge_integers(keep, state, value->integer, 1);
    if (value->tag == SL_FLOAT)
        return merge_float(keep, state, value->number);
    return no_number(who, task, value);
}

/* Sums of floats are fetched before they are needed. */
static void fetch_floats(union sl_state *const *states, uint32_t k, uint32_t count)
{
    enum { AHEAD = 8 };
    if (k + AHEAD < count && !is_small(states[k + AHEAD]))
        __builtin_prefetch(states[k + AHEAD]->pointer, 1);
}

/* Adds an integer to a state that is small and stays so. */
static inline bool add_small(union sl_state *state, int64_t integer)
{
    int64_t shifted, sum;
    if (__builtin_mul_overflow(integer, 1 << TOTAL_SHIFT, &shifted) ||
        __builtin_add_overflow(state->integer, shifted + ONE_RECORD, &sum) ||
        !(sum & RECORDS_MAX * ONE_RECORD)) /* the number of records went beyond its bits */
        return false;
    state->integer = sum;
    return true;
}

uint32_t sl_total_merge_rows(struct sl_arena *keep, union sl_state *const *states,
                             const struct sl_field *values, const uint16_t *row, uint32_t count)
{
    for (uint32_t k = 0; k < count; k++) {
        const struct sl_field *value = &values[row[k]];
        union sl_state *state = states[k];
        if (value->tag == SL_INT && is_small(state)) {
            if (!add_small(state, value->integer))
                return k;
        } else if (value->tag == SL_INT && !is_compact(state)) {
            struct large *large = state->pointer;
            large->integer += value->integer;
            large->records++;
        } else if (value->tag == SL_FLOAT && keep) {
            fetch_floats(states, k, count);
            if (merge_float(keep, state, value->number) < 0)
                return k;
        } else {
            return k;
        }
    }
    return count;
}

int sl_total_combine(struct sl_arena *keep, union sl_state *state, const union sl_state *other, bool undo)
{
    if (is_small(other))
        return merge_integers(keep, state, undo ? -small_value(other) : small_value(other),
                              undo ? -small_records(other) : small_records(other));
    if (combine_compact(state, other, undo))
        return 0;
    struct large *large = grow(keep, state), from = as_large(other);
    if (!large || !sl_exact_combine(&large->sum, keep, &from.sum, undo))
        return SL_ENOMEM;
    large->integer += undo ? -from.integer : from.integer;
    large->floats += undo ? -from.floats : from.floats;
    large->records += undo ? -from.records : from.records;
    return 0;
}

int64_t sl_total_records(const union sl_state *state)
{
    return as_large(state).records;
}

int sl_total_set_records(struct sl_arena *keep, union sl_state *state, int64_t records)
{
    if (is_small(state) && fits_small(small_value(state), records)) {
        *state = small_of(small_value(state), records);
        return 0;
    }
    if (sl_total_records(state) == records)
        return 0;
    struct large *large = grow(keep, state);
    if (large)
        large->records = records;
    return large ? 0 : SL_ENOMEM;
}

static int copy_compact(struct sl_arena *keep, const struct compact *compact, union sl_state *ret)
{
    struct compact *copy = sl_arena_alloc(keep, sizeof *copy);
    if (!copy)
        return SL_ENOMEM;
    *copy = *compact;
    ret->pointer = (char *)copy + COMPACT;
    return 0;
}

static int copy_large(struct sl_arena *keep, const struct large *large, union sl_state *ret)
{
    struct large *copy = sl_arena_alloc(keep, sizeof *copy);
    if (!copy)
        return SL_ENOMEM;
    *copy = *large;
    if (!sl_exact_copy(&large->sum, keep, &copy->sum))
        return SL_ENOMEM;
    ret->pointer = copy;
    return 0;
}

int sl_total_copy(struct sl_arena *keep, const union sl_state *state, union sl_state *ret)
{
    if (is_small(state)) {
        *ret = *state;
        return 0;
    }
    return is_compact(state) ? copy_compact(keep, compact_of(state), ret)
                             : copy_large(keep, state->pointer, ret);
}

/* ---- results ---- */

int sl_total_mean(struct sl_task *task, const union sl_state *state, uint64_t count, double *ret)
{
    struct large large = as_large(state);
    struct sl_exact sum;
    if (!is_small(state) && large.integer == 0) /* floats alone */
        return sl_exact_round(&large.sum, count, task->scratch, ret) ? 0 : SL_ENOMEM;
    bool done = sl_exact_copy(&large.sum, task->scratch, &sum) &&
                sl_exact_add_integer(&sum, task->scratch, large.integer) &&
                sl_exact_round(&sum, count, task->scratch, ret);
    return done ? 0 : SL_ENOMEM;
}

int sl_total_value(const char *who, struct sl_task *task, const union sl_state *state, struct sl_field *ret)
{
    if (is_small(state)) {
        *ret = sl_integer(small_value(state));
        return 0;
    }
    struct large large = as_large(state);
    if (large.floats) {
        double number;
        int r = sl_total_mean(task, state, 1, &number);
        if (r == 0)
            *ret = sl_number(number);
        return r;
    }
    if (!fits_field(large.integer))
        return sl_task_explain(task, "%s: integer overflow: the sum does not fit 64 bits", who);
    *ret = sl_integer((int64_t)large.integer);
    return 0;
}

/* ---- the row encoding ---- */

/* Limbs that repeat the sign and zeros below are left out, so that equal sums have equal encodings. */
static void trim(struct sl_exact *sum)
{
    while (sum->count && !sum->limb[0]) {
        sum->limb++;
        sum->low++;
        sum->count--;
    }
    while (sum->count > 1 && sum->limb[sum->count - 1] == -(sum->limb[sum->count - 2] >> 63))
        sum->count--;
    sum->low = sum->count ? sum->low : 0;
}

static struct sl_field encode_limbs(struct sl_arena *scratch, const struct sl_exact *sum, bool *ret_whole)
{
    uint8_t *bytes = sl_arena_alloc(scratch, (size_t)sum->count * 8 + 1);
    *ret_whole = bytes;
    for (size_t i = 0; bytes && i < (size_t)sum->count * 8; i++)
        bytes[i] = (uint8_t)(sum->limb[i / 8] >> (8 * (i % 8)));
    return sl_string(bytes, bytes ? (size_t)sum->count * 8 : 0);
}

int sl_total_encode(struct sl_task *task, const union sl_state *state, struct sl_field *ret)
{
    bool whole = true;
    struct large large = as_large(state);
    if (!large.floats && fits_field(large.integer)) {
        *ret = sl_integer((int64_t)large.integer);
        return 0;
    }
    struct sl_field *item = sl_arena_alloc(task->scratch, ENCODED_ITEMS * sizeof *item);
    if (!item)
        return SL_ENOMEM;
    trim(&large.sum);
    item[0] = sl_integer((int64_t)(large.integer >> 64));
    item[1] = sl_integer((int64_t)(uint64_t)large.integer);
    item[2] = sl_integer(large.floats);
    item[3] = sl_integer(large.sum.infinite[0]);
    item[4] = sl_integer(large.sum.infinite[1]);
    item[5] = sl_integer(large.sum.nan);
    item[6] = sl_integer(large.sum.low);
    item[7] = encode_limbs(task->scratch, &large.sum, &whole);
    *ret = sl_list(item, ENCODED_ITEMS);
    return whole ? 0 : SL_ENOMEM;
}

static bool decode_limbs(struct sl_arena *keep, const struct sl_field *text, struct sl_exact *sum)
{
    sum->count = sum->capacity = text->len / 8;
    sum->limb = sl_arena_calloc(keep, sum->count + 1, sizeof *sum->limb);
    for (uint32_t i = 0; sum->limb && i < text->len; i++)
        sum->limb[i / 8] |= (uint64_t)text->str[i] << (8 * (i % 8));
    return sum->limb;
}

static bool is_encoded(const struct sl_field *encoded)
{
    if (encoded->tag != SL_LIST || encoded->len != ENCODED_ITEMS)
        return false;
    for (uint32_t i = 0; i < ENCODED_ITEMS - 1; i++)
        if (encoded->items[i].tag != SL_INT)
            return false;
    const struct sl_field *low = &encoded->items[6], *limbs = &encoded->items[7];
    return low->integer >= 0 && low->integer < LIMBS_MAX && limbs->tag == SL_STR && limbs->len % 8 == 0 &&
           limbs->len / 8 <= LIMBS_MAX;
}

int sl_total_decode(struct sl_task *task, struct sl_arena *keep, const struct sl_field *encoded,
                    union sl_state *ret)
{
    if (encoded->tag == SL_INT) {
        *ret = small_of(0, 0);
        return merge_integers(keep, ret, encoded->integer, 1);
    }
    if (!is_encoded(encoded))
        return sl_error_set(task->err, SL_EDAMAGED, "a stored sum is damaged");
    const struct sl_field *item = encoded->items;
    struct large *large = sl_arena_calloc(keep, 1, sizeof *large);
    if (!large || !decode_limbs(keep, &item[7], &large->sum))
        return SL_ENOMEM;
    large->integer =
        (__int128)((unsigned __int128)(uint64_t)item[0].integer << 64 | (uint64_t)item[1].integer);
    large->records = 1;
    large->floats = item[2].integer;
    large->sum.infinite[0] = item[3].integer;
    large->sum.infinite[1] = item[4].integer;
    large->sum.nan = item[5].integer;
    large->sum.low = (uint32_t)item[6].integer;
    ret->pointer = large;
    return 0;
}
