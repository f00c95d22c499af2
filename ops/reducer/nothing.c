/* A reducer that keeps no value: distinct wants the keys only. */
#include "ops/reducer/reducers.h"

static int create(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                  const struct sl_field *value, union sl_state *ret)
{
    ret->integer = 0;
    return 0;
}

static int merge(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                 union sl_state *state, const struct sl_field *value)
{
    return 0;
}

static int combine(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                   union sl_state *state, const union sl_state *other)
{
    return 0;
}

static int finish(const struct sl_reducer *r, struct sl_task *task, const union sl_state *state,
                  struct sl_field *ret)
{
    *ret = sl_nil();
    return 0;
}

static const struct sl_reducer_ops nothing_ops = {
    .exact = true,
    .create = create,
    .merge = merge,
    .combine = combine,
    .inverse = combine,
    .finish = finish,
    .encode = finish,
    .decode = create,
};

const struct sl_reducer sl_reducer_nothing = {&nothing_ops};
