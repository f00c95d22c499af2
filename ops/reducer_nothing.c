/* The reducer of distinct: a group is there, and that is all that is known of its values. */
#include "ops/reducers.h"

static int create(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                  const struct sl_field *value, union sl_state *ret)
{
    (void)r, (void)task, (void)keep, (void)value;
    ret->integer = 0;
    return 0;
}

static int merge(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                 union sl_state *state, const struct sl_field *value)
{
    (void)r, (void)task, (void)keep, (void)state, (void)value;
    return 0;
}

static uint32_t merge_rows(const struct sl_reducer *r, union sl_state *const *states,
                           const struct sl_field *values, const uint16_t *row, uint32_t count)
{
    (void)r, (void)states, (void)values, (void)row;
    return count;
}

static int combine(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                   union sl_state *state, const union sl_state *other)
{
    (void)r, (void)task, (void)keep, (void)state, (void)other;
    return 0;
}

static int finish(const struct sl_reducer *r, struct sl_task *task, const union sl_state *state,
                  struct sl_field *ret)
{
    (void)r, (void)task, (void)state;
    *ret = sl_nil();
    return 0;
}

static int decode(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                  const struct sl_field *encoded, union sl_state *ret)
{
    (void)r, (void)task, (void)keep, (void)encoded;
    ret->integer = 0;
    return 0;
}

static const struct sl_reducer_ops nothing_ops = {
    .exact = true,
    .create = create,
    .merge = merge,
    .merge_rows = merge_rows,
    .combine = combine,
    .finish = finish,
    .encode = finish,
    .decode = decode,
};

const struct sl_reducer sl_reducer_nothing = {&nothing_ops};
