/* stats, variance, stdev of numbers: of the population, as Spark's. The state is a struct stats in the arena.
 *
 * Encoding: a list of what ops/reducer/moments.h writes, then least and most. */
#include "ops/reducer/stats.h"

#include "ops/builtin/function.h"
#include "ops/reducer/moments.h"

#include <math.h>

struct stats {
    struct sl_moments moments;
    struct sl_field least, most; /* numbers */
};

enum { ENCODED_ITEMS = SL_MOMENTS_ITEMS + 2 };

/* Which of the three it is: they differ in what they show. */
static const char *name_of(const struct sl_reducer *r)
{
    return r == &sl_reducer_stats ? "stats" : r == &sl_reducer_variance ? "variance" : "stdev";
}

/* Of 1 and 1.0 the integer, as min and max do. */
static bool comes_before(const struct sl_field *a, const struct sl_field *b)
{
    int order = sl_field_compare(a, b);
    return order < 0 || (order == 0 && a->tag == SL_INT);
}

static void widen(struct stats *stats, const struct sl_field *least, const struct sl_field *most)
{
    int order = sl_field_compare(most, &stats->most);
    if (comes_before(least, &stats->least))
        stats->least = *least;
    if (order > 0 || (order == 0 && most->tag == SL_INT))
        stats->most = *most;
}

static int stats_merge(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                       union sl_state *state, const struct sl_field *value)
{
    struct stats *stats = state->pointer;
    int failed = sl_moments_add(name_of(r), task, keep, &stats->moments, value);
    if (failed == 0)
        widen(stats, value, value);
    return failed;
}

static int stats_create(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                        const struct sl_field *value, union sl_state *ret)
{
    struct stats *stats = sl_arena_alloc(keep, sizeof *stats);
    union sl_state state = {.pointer = stats};
    if (!stats)
        return SL_ENOMEM;
    sl_moments_init(&stats->moments);
    stats->least = stats->most = *value;
    int failed = stats_merge(r, task, keep, &state, value);
    if (failed == 0)
        *ret = state;
    return failed;
}

static int stats_combine(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                         union sl_state *state, const union sl_state *other)
{
    struct stats *stats = state->pointer;
    const struct stats *added = other->pointer;
    widen(stats, &added->least, &added->most);
    return sl_moments_combine(keep, &stats->moments, &added->moments, false);
}

/* ---- results ---- */

struct sl_field sl_stats_map(struct sl_field *pairs, int64_t count, double mean, double stdev,
                             struct sl_field least, struct sl_field most)
{
    const struct sl_field filled[SL_STATS_FIELDS] = {
        sl_string("count", 5), sl_integer(count), sl_string("max", 3), most,
        sl_string("mean", 4),  sl_number(mean),   sl_string("min", 3), least,
        sl_string("stdev", 5), sl_number(stdev),
    };
    memcpy(pairs, filled, sizeof filled);
    return sl_map(pairs, SL_STATS_FIELDS / 2);
}

static int show_all(struct sl_task *task, const struct stats *stats, double variance, struct sl_field *ret)
{
    double mean;
    struct sl_field *pairs = sl_arena_alloc(task->scratch, SL_STATS_FIELDS * sizeof *pairs);
    int r = pairs ? sl_moments_mean(task, &stats->moments, &mean) : SL_ENOMEM;
    if (r == 0)
        *ret = sl_stats_map(pairs, stats->moments.count, mean, sqrt(variance), stats->least, stats->most);
    return r;
}

static int stats_finish(const struct sl_reducer *r, struct sl_task *task, const union sl_state *state,
                        struct sl_field *ret)
{
    double variance;
    const struct stats *stats = state->pointer;
    int failed = sl_moments_variance(name_of(r), task, &stats->moments, &variance);
    if (failed == 0 && r == &sl_reducer_stats)
        return show_all(task, stats, variance, ret);
    if (failed == 0)
        *ret = sl_number(r == &sl_reducer_variance ? variance : sqrt(variance));
    return failed;
}

/* ---- keeping ---- */

static int stats_encode(const struct sl_reducer *r, struct sl_task *task, const union sl_state *state,
                        struct sl_field *ret)
{
    const struct stats *stats = state->pointer;
    struct sl_field *item = sl_arena_alloc(task->scratch, ENCODED_ITEMS * sizeof *item);
    if (!item)
        return SL_ENOMEM;
    item[SL_MOMENTS_ITEMS] = stats->least;
    item[SL_MOMENTS_ITEMS + 1] = stats->most;
    *ret = sl_list(item, ENCODED_ITEMS);
    return sl_moments_encode(task, &stats->moments, item);
}

static int stats_decode(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                        const struct sl_field *encoded, union sl_state *ret)
{
    if (encoded->tag != SL_LIST || encoded->len != ENCODED_ITEMS)
        return sl_error_set(task->err, SL_EDAMAGED, "a stored %s is damaged", name_of(r));
    struct stats *stats = sl_arena_alloc(keep, sizeof *stats);
    if (!stats)
        return SL_ENOMEM;
    stats->least = encoded->items[SL_MOMENTS_ITEMS];
    stats->most = encoded->items[SL_MOMENTS_ITEMS + 1];
    ret->pointer = stats;
    return sl_moments_decode(task, keep, encoded->items, &stats->moments);
}

static int stats_copy(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                      const union sl_state *state, union sl_state *ret)
{
    const struct stats *stats = state->pointer;
    struct stats *copy = sl_arena_alloc(keep, sizeof *copy);
    if (!copy)
        return SL_ENOMEM;
    *copy = *stats;
    ret->pointer = copy;
    return sl_moments_copy(keep, &stats->moments, &copy->moments);
}

static const struct sl_reducer_ops stats_ops = {
    .exact = true,
    .create = stats_create,
    .merge = stats_merge,
    .combine = stats_combine,
    .finish = stats_finish,
    .encode = stats_encode,
    .decode = stats_decode,
    .copy = stats_copy,
};

const struct sl_reducer sl_reducer_stats = {&stats_ops};
const struct sl_reducer sl_reducer_variance = {&stats_ops};
const struct sl_reducer sl_reducer_stdev = {&stats_ops};

/* ---- the descriptors ---- */

const struct sl_builtin sl_native_stats = {
    .name = "stats",
    .family = "reducers",
    .summary = "Of numbers a map with count, mean, stdev (of the population), min and max",
    .example = "s:map(function(line) return \"all\", #line end):reduceByKey(sluice.stats)",
    .reducer = &sl_reducer_stats,
};

const struct sl_builtin sl_native_variance = {
    .name = "variance",
    .family = "reducers",
    .summary = "The variance of numbers (of the population, as Spark's variance()), a float",
    .example = "s:map(function(line) return \"all\", #line end):reduceByKey(sluice.variance)",
    .reducer = &sl_reducer_variance,
};

const struct sl_builtin sl_native_stdev = {
    .name = "stdev",
    .family = "reducers",
    .summary = "The standard deviation of numbers (of the population, as Spark's stdev()), a float",
    .example = "s:map(function(line) return \"all\", #line end):reduceByKey(sluice.stdev)",
    .reducer = &sl_reducer_stdev,
};
