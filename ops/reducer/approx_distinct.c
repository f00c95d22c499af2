/* approxDistinct: how many different values a group has, in little memory: exact up to HASHES_MAX, else off by less
 * than 5 % (standard error 0.8 %).
 *
 * Few values: their 64-bit hashes, sorted and each once. More: HyperLogLog with REGISTERS registers (Flajolet et
 * al.), estimated as by Ertl ("New cardinality estimation algorithms for HyperLogLog sketches"), which needs no
 * correction for small counts. Both depend on the set of values only, and on hashes that are the same on every machine.
 *
 * Encoding: a string; 8 bytes a hash, little-endian, or one byte a register. */
#include "ops/reducer/approx_distinct.h"

#include "core/base/bisect.h"
#include "ops/builtin/function.h"

#include <math.h>
#include <string.h>

enum {
    INDEX_BITS = 14,
    REGISTERS = 1 << INDEX_BITS,
    HASHES_MAX = REGISTERS / 8 - 1,
    RANK_MAX = 65 - INDEX_BITS
};

struct distinct {
    uint32_t count, capacity; /* of hash[] */
    uint64_t *hash;
    uint8_t *rank; /* [REGISTERS]; NULL: hashes are kept */
};

/* ---- registers ---- */

static void note_rank(uint8_t *ranks, uint64_t hash)
{
    uint64_t rest = hash << INDEX_BITS;
    uint8_t rank = rest ? (uint8_t)(__builtin_clzll(rest) + 1) : RANK_MAX;
    uint8_t *own = &ranks[hash >> (64 - INDEX_BITS)];
    if (rank > *own)
        *own = rank;
}

static int turn_to_ranks(struct distinct *distinct, struct sl_arena *keep)
{
    distinct->rank = sl_arena_calloc(keep, REGISTERS, 1);
    if (!distinct->rank)
        return SL_ENOMEM;
    for (uint32_t i = 0; i < distinct->count; i++)
        note_rank(distinct->rank, distinct->hash[i]);
    distinct->count = distinct->capacity = 0;
    return 0;
}

/* ---- hashes ---- */

static uint32_t find_place(const struct distinct *distinct, uint64_t hash)
{
    return (uint32_t)SL_BISECT(i, 0, distinct->count, distinct->hash[i] < hash);
}

static int make_room(struct distinct *distinct, struct sl_arena *keep)
{
    if (distinct->count < distinct->capacity)
        return 0;
    uint32_t capacity = distinct->capacity ? 2 * distinct->capacity : 4;
    uint64_t *grown = sl_arena_alloc(keep, capacity * sizeof *grown);
    if (!grown)
        return SL_ENOMEM;
    if (distinct->count)
        memcpy(grown, distinct->hash, distinct->count * sizeof *grown);
    distinct->hash = grown;
    distinct->capacity = capacity;
    return 0;
}

static int insert(struct distinct *distinct, struct sl_arena *keep, uint64_t hash)
{
    uint32_t place = find_place(distinct, hash);
    if (place < distinct->count && distinct->hash[place] == hash)
        return 0;
    int r = make_room(distinct, keep);
    if (r < 0)
        return r;
    memmove(distinct->hash + place + 1, distinct->hash + place, (distinct->count - place) * sizeof hash);
    distinct->hash[place] = hash;
    return ++distinct->count > HASHES_MAX ? turn_to_ranks(distinct, keep) : 0;
}

static int add(struct distinct *distinct, struct sl_arena *keep, uint64_t hash)
{
    if (!distinct->rank)
        return insert(distinct, keep, hash);
    note_rank(distinct->rank, hash);
    return 0;
}

/* ---- the estimate ---- */

static double sigma(double x)
{
    double y = 1, z = x, before;
    if (x == 1)
        return INFINITY;
    do {
        x *= x;
        before = z;
        z += x * y;
        y += y;
    } while (z != before);
    return z;
}

static double tau(double x)
{
    double y = 1, z = 1 - x, before;
    if (x == 0 || x == 1)
        return 0;
    do {
        x = sqrt(x);
        before = z;
        y *= 0.5;
        z -= (1 - x) * (1 - x) * y;
    } while (z != before);
    return z / 3;
}

static int64_t estimate(const uint8_t *ranks)
{
    const double m = REGISTERS, half_by_log2 = 0.72134752044448170368; /* 1 / (2 ln 2) */
    uint32_t counts[RANK_MAX + 1] = {0};
    for (uint32_t i = 0; i < REGISTERS; i++)
        counts[ranks[i]]++;
    double z = m * tau(1 - counts[RANK_MAX] / m);
    for (int k = RANK_MAX - 1; k >= 1; k--)
        z = 0.5 * (z + counts[k]);
    z += m * sigma(counts[0] / m);
    return llround(half_by_log2 * m * m / z);
}

/* ---- the reducer ---- */

static int merge(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                 union sl_state *state, const struct sl_field *value)
{
    return add(state->pointer, keep, sl_field_partition_hash(value));
}

static int create(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                  const struct sl_field *value, union sl_state *ret)
{
    ret->pointer = sl_arena_calloc(keep, 1, sizeof(struct distinct));
    return ret->pointer ? merge(r, task, keep, ret, value) : SL_ENOMEM;
}

static int combine(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                   union sl_state *state, const union sl_state *other)
{
    struct distinct *distinct = state->pointer;
    const struct distinct *added = other->pointer;
    int failed = added->rank && !distinct->rank ? turn_to_ranks(distinct, keep) : 0;
    for (uint32_t i = 0; i < added->count && failed == 0; i++)
        failed = add(distinct, keep, added->hash[i]);
    for (uint32_t i = 0; added->rank && i < REGISTERS && failed == 0; i++)
        if (added->rank[i] > distinct->rank[i])
            distinct->rank[i] = added->rank[i];
    return failed;
}

static int finish(const struct sl_reducer *r, struct sl_task *task, const union sl_state *state,
                  struct sl_field *ret)
{
    const struct distinct *distinct = state->pointer;
    *ret = sl_integer(distinct->rank ? estimate(distinct->rank) : (int64_t)distinct->count);
    return 0;
}

/* ---- keeping ---- */

static int encode(const struct sl_reducer *r, struct sl_task *task, const union sl_state *state,
                  struct sl_field *ret)
{
    const struct distinct *distinct = state->pointer;
    if (distinct->rank) {
        *ret = sl_string(distinct->rank, REGISTERS);
        return 0;
    }
    uint8_t *bytes = sl_arena_alloc(task->scratch, distinct->count * (size_t)8 + 1);
    for (size_t i = 0; bytes && i < distinct->count * (size_t)8; i++)
        bytes[i] = (uint8_t)(distinct->hash[i / 8] >> (8 * (i % 8)));
    *ret = sl_string(bytes, distinct->count * (size_t)8);
    return bytes ? 0 : SL_ENOMEM;
}

static int decode_ranks(struct distinct *distinct, struct sl_arena *keep, const struct sl_field *encoded)
{
    distinct->rank = sl_arena_copy(keep, encoded->str, encoded->len);
    return distinct->rank ? 0 : SL_ENOMEM;
}

static int decode(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                  const struct sl_field *encoded, union sl_state *ret)
{
    struct distinct *distinct = sl_arena_calloc(keep, 1, sizeof *distinct);
    if (!distinct)
        return SL_ENOMEM;
    ret->pointer = distinct;
    if (encoded->tag != SL_STR || encoded->len % 8 ||
        (encoded->len > HASHES_MAX * 8 && encoded->len != REGISTERS))
        return sl_error_set(task->err, SL_EDAMAGED, "a stored approxDistinct is damaged");
    if (encoded->len == REGISTERS)
        return decode_ranks(distinct, keep, encoded);
    int failed = 0;
    for (uint32_t i = 0; i < encoded->len && failed == 0; i += 8) {
        uint64_t hash = 0;
        for (unsigned byte = 0; byte < 8; byte++)
            hash |= (uint64_t)encoded->str[i + byte] << (8 * byte);
        failed = insert(distinct, keep, hash);
    }
    return failed;
}

static const struct sl_reducer_ops distinct_ops = {
    .exact = true,
    .create = create,
    .merge = merge,
    .combine = combine,
    .finish = finish,
    .encode = encode,
    .decode = decode,
    .copy = sl_reducer_copy_encoded,
};

const struct sl_reducer sl_reducer_approx_distinct = {&distinct_ops};

/* ---- the descriptor ---- */

const struct sl_builtin sl_native_approx_distinct = {
    .name = "approxDistinct",
    .family = "reducers",
    .summary = "About how many different values there are: exact below 2,048, else off by at most 5 %",
    .example = "s:map(function(line) return \"all\", line end):reduceByKey(sluice.approxDistinct)",
    .reducer = &sl_reducer_approx_distinct,
};
