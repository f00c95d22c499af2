/* sum and mean: exact until they are rounded once (ops/reducer/total.h), so they combine in any order and can be
 * undone in windows. */
#include "ops/builtin/function.h"
#include "ops/reducer/reducers.h"
#include "ops/reducer/total.h"

/* ---- sum ---- */

static int sum_create(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                      const struct sl_field *value, union sl_state *ret)
{
    return sl_total_create("sum", task, keep, value, ret);
}

static int sum_merge(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                     union sl_state *state, const struct sl_field *value)
{
    return sl_total_merge("sum", task, keep, state, value);
}

static uint32_t sum_merge_rows(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                               union sl_state *const *states, const struct sl_field *values,
                               const uint16_t *row, uint32_t count)
{
    return sl_total_merge_rows(keep, states, values, row, count);
}

static int sum_combine(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                       union sl_state *state, const union sl_state *other)
{
    return sl_total_combine(keep, state, other, false);
}

static int sum_inverse(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                       union sl_state *state, const union sl_state *other)
{
    return sl_total_combine(keep, state, other, true);
}

static int sum_finish(const struct sl_reducer *r, struct sl_task *task, const union sl_state *state,
                      struct sl_field *ret)
{
    return sl_total_value("sum", task, state, ret);
}

static int sum_encode(const struct sl_reducer *r, struct sl_task *task, const union sl_state *state,
                      struct sl_field *ret)
{
    return sl_total_encode(task, state, ret);
}

static int sum_decode(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                      const struct sl_field *encoded, union sl_state *ret)
{
    return sl_total_decode(task, keep, encoded, ret);
}

static int64_t sum_records(const union sl_state *state)
{
    return sl_total_records(state);
}

static int sum_set_records(struct sl_arena *keep, union sl_state *state, int64_t records)
{
    return sl_total_set_records(keep, state, records);
}

static int sum_copy(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                    const union sl_state *state, union sl_state *ret)
{
    return sl_total_copy(keep, state, ret);
}

static const struct sl_reducer_ops sum_ops = {
    .exact = true,
    .create = sum_create,
    .merge = sum_merge,
    .merge_rows = sum_merge_rows,
    .combine = sum_combine,
    .inverse = sum_inverse,
    .finish = sum_finish,
    .encode = sum_encode,
    .decode = sum_decode,
    .records = sum_records,
    .set_records = sum_set_records,
    .copy = sum_copy,
};

/* ---- mean: a total and a count, in the arena ---- */

struct mean {
    union sl_state total;
    int64_t count;
};

static int mean_create(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                       const struct sl_field *value, union sl_state *ret)
{
    union sl_state total;
    int failed = sl_total_create("mean", task, keep, value, &total);
    if (failed < 0)
        return failed;
    struct mean *mean = sl_arena_alloc(keep, sizeof *mean);
    if (!mean)
        return SL_ENOMEM;
    *mean = (struct mean){total, 1};
    ret->pointer = mean;
    return 0;
}

static int mean_merge(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                      union sl_state *state, const struct sl_field *value)
{
    struct mean *mean = state->pointer;
    int failed = sl_total_merge("mean", task, keep, &mean->total, value);
    mean->count += failed == 0;
    return failed;
}

static int mean_combine(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                        union sl_state *state, const union sl_state *other)
{
    struct mean *mean = state->pointer;
    const struct mean *added = other->pointer;
    mean->count += added->count;
    return sl_total_combine(keep, &mean->total, &added->total, false);
}

static int mean_inverse(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                        union sl_state *state, const union sl_state *other)
{
    struct mean *mean = state->pointer;
    const struct mean *gone = other->pointer;
    mean->count -= gone->count;
    return sl_total_combine(keep, &mean->total, &gone->total, true);
}

static int mean_finish(const struct sl_reducer *r, struct sl_task *task, const union sl_state *state,
                       struct sl_field *ret)
{
    const struct mean *mean = state->pointer;
    double number;
    if (mean->count < 1)
        return sl_task_explain(task, "mean: there are no values");
    int failed = sl_total_mean(task, &mean->total, (uint64_t)mean->count, &number);
    if (failed == 0)
        *ret = sl_number(number);
    return failed;
}

static int mean_encode(const struct sl_reducer *r, struct sl_task *task, const union sl_state *state,
                       struct sl_field *ret)
{
    const struct mean *mean = state->pointer;
    struct sl_field *item = sl_arena_alloc(task->scratch, 2 * sizeof *item);
    if (!item)
        return SL_ENOMEM;
    item[0] = sl_integer(mean->count);
    *ret = sl_list(item, 2);
    return sl_total_encode(task, &mean->total, &item[1]);
}

static int mean_decode(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                       const struct sl_field *encoded, union sl_state *ret)
{
    if (encoded->tag != SL_LIST || encoded->len != 2 || encoded->items[0].tag != SL_INT)
        return sl_error_set(task->err, SL_EDAMAGED, "a stored mean is damaged");
    struct mean *mean = sl_arena_alloc(keep, sizeof *mean);
    if (!mean)
        return SL_ENOMEM;
    mean->count = encoded->items[0].integer;
    ret->pointer = mean;
    return sl_total_decode(task, keep, &encoded->items[1], &mean->total);
}

static int mean_copy(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                     const union sl_state *state, union sl_state *ret)
{
    const struct mean *mean = state->pointer;
    struct mean *copy = sl_arena_alloc(keep, sizeof *copy);
    if (!copy)
        return SL_ENOMEM;
    copy->count = mean->count;
    ret->pointer = copy;
    return sl_total_copy(keep, &mean->total, &copy->total);
}

static const struct sl_reducer_ops mean_ops = {
    .exact = true,
    .create = mean_create,
    .merge = mean_merge,
    .combine = mean_combine,
    .inverse = mean_inverse,
    .finish = mean_finish,
    .encode = mean_encode,
    .decode = mean_decode,
    .copy = mean_copy,
};

const struct sl_reducer sl_reducer_sum = {&sum_ops};
const struct sl_reducer sl_reducer_mean = {&mean_ops};

/* ---- the descriptors ---- */

const struct sl_builtin sl_native_sum = {
    .name = "sum",
    .family = "reducers",
    .summary = "Adds numbers: integers exactly, a float as soon as one is among them, rounded once",
    .example = "s:map(sluice.pair(1)):reduceByKey(sluice.sum)",
    .reducer = &sl_reducer_sum,
};

const struct sl_builtin sl_native_mean = {
    .name = "mean",
    .family = "reducers",
    .summary = "The mean of numbers, a float, exact until it is rounded once",
    .example = "s:map(function(line) return \"all\", #line end):reduceByKey(sluice.mean)",
    .reducer = &sl_reducer_mean,
};
