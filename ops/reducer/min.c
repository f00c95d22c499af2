/* min, max: the first and the last value in the order of docs/manual.md, "Records". Of 1 and 1.0 both keep the integer. */
#include "ops/builtin/function.h"
#include "ops/reducer/strict_order.h"
#include "ops/reducer/value_state.h"

/* Takes the value if it is better: `sign` times the order is negative, or it is equal and looks better. */
static int improve(union sl_state *state, struct sl_arena *keep, const struct sl_field *value, int sign)
{
    struct sl_value_state *held = sl_value_state_of(state);
    int order = sign * sl_field_compare(value, &held->value);
    if (order > 0 || (order == 0 && sl_field_compare_strictly(value, &held->value) >= 0))
        return 0;
    return sl_value_state_set(held, keep, value);
}

static int min_merge(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                     union sl_state *state, const struct sl_field *value)
{
    return improve(state, keep, value, 1);
}

static int min_combine(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                       union sl_state *state, const union sl_state *other)
{
    return improve(state, keep, &sl_value_state_of(other)->value, 1);
}

static int max_merge(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                     union sl_state *state, const struct sl_field *value)
{
    return improve(state, keep, value, -1);
}

static int max_combine(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                       union sl_state *state, const union sl_state *other)
{
    return improve(state, keep, &sl_value_state_of(other)->value, -1);
}

static const struct sl_reducer_ops min_ops = {
    .exact = true,
    .create = sl_value_state_create,
    .merge = min_merge,
    .combine = min_combine,
    .finish = sl_value_state_finish,
    .encode = sl_value_state_finish,
    .decode = sl_value_state_create,
    .copy = sl_value_state_copy,
};

static const struct sl_reducer_ops max_ops = {
    .exact = true,
    .create = sl_value_state_create,
    .merge = max_merge,
    .combine = max_combine,
    .finish = sl_value_state_finish,
    .encode = sl_value_state_finish,
    .decode = sl_value_state_create,
    .copy = sl_value_state_copy,
};

static int min_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                    struct sl_function **ret, struct sl_error *err)
{
    static const struct sl_reducer reducer = {&min_ops};
    return sl_builtin_reducer(&reducer, ret, err);
}

static int max_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                    struct sl_function **ret, struct sl_error *err)
{
    static const struct sl_reducer reducer = {&max_ops};
    return sl_builtin_reducer(&reducer, ret, err);
}

const struct sl_builtin sl_native_min = {
    .name = "min",
    .family = "reducers",
    .summary = "The smallest value",
    .example = "s:map(function(line) return \"all\", #line end):reduceByKey(sluice.min)",
    .make = min_make,
};

const struct sl_builtin sl_native_max = {
    .name = "max",
    .family = "reducers",
    .summary = "The largest value",
    .example = "s:map(function(line) return \"all\", #line end):reduceByKey(sluice.max)",
    .make = max_make,
};
