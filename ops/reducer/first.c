/* first, last: of the values of a group in input order. */
#include "ops/builtin/function.h"
#include "ops/reducer/value_state.h"

static int first_merge(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                       union sl_state *state, const struct sl_field *value)
{
    return 0;
}

static int first_combine(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                         union sl_state *state, const union sl_state *other)
{
    return 0;
}

static int last_merge(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                      union sl_state *state, const struct sl_field *value)
{
    return sl_value_state_set(sl_value_state_of(state), keep, value);
}

static int last_combine(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                        union sl_state *state, const union sl_state *other)
{
    return sl_value_state_set(sl_value_state_of(state), keep, &sl_value_state_of(other)->value);
}

static const struct sl_reducer_ops first_ops = {
    .create = sl_value_state_create,
    .merge = first_merge,
    .combine = first_combine,
    .finish = sl_value_state_finish,
    .encode = sl_value_state_finish,
    .decode = sl_value_state_create,
    .copy = sl_value_state_copy,
};

static const struct sl_reducer_ops last_ops = {
    .create = sl_value_state_create,
    .merge = last_merge,
    .combine = last_combine,
    .finish = sl_value_state_finish,
    .encode = sl_value_state_finish,
    .decode = sl_value_state_create,
    .copy = sl_value_state_copy,
};

static int first_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                      struct sl_function **ret, struct sl_error *err)
{
    static const struct sl_reducer reducer = {&first_ops};
    return sl_builtin_reducer(&reducer, ret, err);
}

static int last_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                     struct sl_function **ret, struct sl_error *err)
{
    static const struct sl_reducer reducer = {&last_ops};
    return sl_builtin_reducer(&reducer, ret, err);
}

const struct sl_builtin sl_native_first = {
    .name = "first",
    .family = "reducers",
    .summary = "The first value in input order",
    .example = "s:map(function(line) return #line, line end):reduceByKey(sluice.first)",
    .make = first_make,
};

const struct sl_builtin sl_native_last = {
    .name = "last",
    .family = "reducers",
    .summary = "The last value in input order",
    .example = "s:map(function(line) return #line, line end):reduceByKey(sluice.last)",
    .make = last_make,
};
