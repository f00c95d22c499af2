/* first, last: of the values of a group in input order. */
#include "ops/builtin/function.h"
#include "ops/reducer/value_state.h"

struct one_of {
    struct sl_reducer reducer; /* first */
    bool last;                 /* the last value counts, not the first */
};

static int merge(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                 union sl_state *state, const struct sl_field *value)
{
    const struct one_of *one = (const struct one_of *)r;
    return one->last ? sl_value_state_set(sl_value_state_of(state), keep, value) : 0;
}

static int combine(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                   union sl_state *state, const union sl_state *other)
{
    return merge(r, task, keep, state, &sl_value_state_of(other)->value);
}

static const struct sl_reducer_ops ops = {
    .create = sl_value_state_create,
    .merge = merge,
    .combine = combine,
    .finish = sl_value_state_finish,
    .encode = sl_value_state_finish,
    .decode = sl_value_state_create,
    .copy = sl_value_state_copy,
};

static const struct one_of first = {{&ops}, false}, last = {{&ops}, true};

const struct sl_builtin sl_native_first = {
    .name = "first",
    .family = "reducers",
    .summary = "The first value in input order",
    .example = "s:map(function(line) return #line, line end):reduceByKey(sluice.first)",
    .reducer = &first.reducer,
};

const struct sl_builtin sl_native_last = {
    .name = "last",
    .family = "reducers",
    .summary = "The last value in input order",
    .example = "s:map(function(line) return #line, line end):reduceByKey(sluice.last)",
    .reducer = &last.reducer,
};
