/* count: how many values a group has, whatever they are. The state is the number. */
#include "ops/builtin/function.h"
#include "ops/reducer/reducers.h"

static int count_create(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                        const struct sl_field *value, union sl_state *ret)
{
    ret->integer = 1;
    return 0;
}

static int count_merge(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                       union sl_state *state, const struct sl_field *value)
{
    state->integer++;
    return 0;
}

static uint32_t count_merge_rows(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                                 union sl_state *const *states, const struct sl_field *values,
                                 const uint16_t *row, uint32_t count)
{
    for (uint32_t k = 0; k < count; k++)
        states[k]->integer++;
    return count;
}

static int count_combine(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                         union sl_state *state, const union sl_state *other)
{
    state->integer += other->integer;
    return 0;
}

static int count_inverse(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                         union sl_state *state, const union sl_state *other)
{
    state->integer -= other->integer;
    return 0;
}

static int count_finish(const struct sl_reducer *r, struct sl_task *task, const union sl_state *state,
                        struct sl_field *ret)
{
    *ret = sl_integer(state->integer);
    return 0;
}

static int count_decode(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                        const struct sl_field *encoded, union sl_state *ret)
{
    if (encoded->tag != SL_INT)
        return sl_error_set(task->err, SL_EDAMAGED, "a stored count is damaged");
    ret->integer = encoded->integer;
    return 0;
}

static const struct sl_reducer_ops count_ops = {
    .exact = true,
    .ignores_values = true,
    .create = count_create,
    .merge = count_merge,
    .merge_rows = count_merge_rows,
    .combine = count_combine,
    .inverse = count_inverse,
    .finish = count_finish,
    .encode = count_finish,
    .decode = count_decode,
};

const struct sl_reducer sl_reducer_count = {&count_ops};

const struct sl_builtin sl_native_count = {
    .name = "count",
    .family = "reducers",
    .summary = "Counts the values of a group",
    .example = "s:map(sluice.pair(1)):reduceByKey(sluice.count)",
    .reducer = &sl_reducer_count,
};
