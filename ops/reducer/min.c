/* min, max: the first and the last value in the order of docs/manual.md, "Records". Of 1 and 1.0 both keep the integer. */
#include "ops/builtin/function.h"
#include "ops/reducer/strict_order.h"
#include "ops/reducer/value_state.h"

struct extreme {
    struct sl_reducer reducer; /* first */
    int sign;                  /* 1: the smallest value, -1: the largest */
};

/* Takes the value if it is better: `sign` times the order is negative, or it is equal and looks better. */
static int improve(const struct sl_reducer *r, union sl_state *state, struct sl_arena *keep,
                   const struct sl_field *value)
{
    const struct extreme *extreme = (const struct extreme *)r;
    struct sl_value_state *held = sl_value_state_of(state);
    int order = extreme->sign * sl_field_compare(value, &held->value);
    if (order > 0 || (order == 0 && sl_field_compare_strictly(value, &held->value) >= 0))
        return 0;
    return sl_value_state_set(held, keep, value);
}

static int merge(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                 union sl_state *state, const struct sl_field *value)
{
    return improve(r, state, keep, value);
}

static int combine(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                   union sl_state *state, const union sl_state *other)
{
    return improve(r, state, keep, &sl_value_state_of(other)->value);
}

static const struct sl_reducer_ops ops = {
    .exact = true,
    .create = sl_value_state_create,
    .merge = merge,
    .combine = combine,
    .finish = sl_value_state_finish,
    .encode = sl_value_state_finish,
    .decode = sl_value_state_create,
    .copy = sl_value_state_copy,
};

static const struct extreme smallest = {{&ops}, 1}, largest = {{&ops}, -1};

const struct sl_builtin sl_native_min = {
    .name = "min",
    .family = "reducers",
    .summary = "The smallest value",
    .example = "s:map(function(line) return \"all\", #line end):reduceByKey(sluice.min)",
    .reducer = &smallest.reducer,
};

const struct sl_builtin sl_native_max = {
    .name = "max",
    .family = "reducers",
    .summary = "The largest value",
    .example = "s:map(function(line) return \"all\", #line end):reduceByKey(sluice.max)",
    .reducer = &largest.reducer,
};
