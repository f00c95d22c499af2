/* list: the values of a group in input order. The state is a growing list; combining appends the items of the
 * other, whose bytes are shared. */
#include "ops/builtin/function.h"
#include "ops/reducer/field_vec.h"
#include "ops/reducer/reducers.h"

static struct sl_kept *kept_new(struct sl_arena *keep)
{
    return sl_arena_calloc(keep, 1, sizeof(struct sl_kept));
}

static int list_create(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                       const struct sl_field *value, union sl_state *ret)
{
    struct sl_kept *kept = kept_new(keep);
    if (!kept || !sl_kept_append_copy(kept, keep, value))
        return SL_ENOMEM;
    ret->pointer = kept;
    return 0;
}

static int list_merge(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                      union sl_state *state, const struct sl_field *value)
{
    return sl_kept_append_copy(state->pointer, keep, value) ? 0 : SL_ENOMEM;
}

static int list_combine(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                        union sl_state *state, const union sl_state *other)
{
    struct sl_kept *kept = state->pointer;
    const struct sl_kept *added = other->pointer;
    uint32_t count = added->count; /* the other may be the state itself */
    if (!sl_kept_reserve(kept, keep, count))
        return SL_ENOMEM;
    for (uint32_t i = 0; i < count; i++)
        kept->item[kept->count++] = added->item[i];
    return 0;
}

static int list_finish(const struct sl_reducer *r, struct sl_task *task, const union sl_state *state,
                       struct sl_field *ret)
{
    const struct sl_kept *kept = state->pointer;
    *ret = sl_list(kept->item, kept->count);
    return 0;
}

static int list_decode(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                       const struct sl_field *encoded, union sl_state *ret)
{
    struct sl_kept *kept = kept_new(keep);
    if (encoded->tag != SL_LIST)
        return sl_error_set(task->err, SL_EDAMAGED, "a stored list is damaged");
    if (!kept || !sl_kept_reserve(kept, keep, encoded->len))
        return SL_ENOMEM;
    for (uint32_t i = 0; i < encoded->len; i++)
        if (!sl_kept_append_copy(kept, keep, &encoded->items[i]))
            return SL_ENOMEM;
    ret->pointer = kept;
    return 0;
}

static int list_copy(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                     const union sl_state *state, union sl_state *ret)
{
    struct sl_field items;
    int failed = list_finish(r, task, state, &items);
    return failed < 0 ? failed : list_decode(r, task, keep, &items, ret);
}

static const struct sl_reducer_ops list_ops = {
    .create = list_create,
    .merge = list_merge,
    .combine = list_combine,
    .finish = list_finish,
    .encode = list_finish,
    .decode = list_decode,
    .copy = list_copy,
};

const struct sl_reducer sl_reducer_list = {&list_ops};

const struct sl_builtin sl_native_list = {
    .name = "list",
    .family = "reducers",
    .summary = "The values of a group as a list, in input order",
    .example = "s:map(function(line) return #line, line end):reduceByKey(sluice.list)",
    .reducer = &sl_reducer_list,
};
