/* largest(n): the n largest values of a group, descending; equal ones as often as they came. The state is
 * that list. Of values that are equal and look different, which are kept does not depend on the order. */
#include "core/base/bisect.h"
#include "ops/builtin/function.h"
#include "ops/reducer/field_vec.h"
#include "ops/reducer/strict_order.h"

#include <string.h>

struct largest {
    struct sl_builtin_reducer reducer;
    int64_t count_max;
};

/* Larger values first; of equal ones the integer first. */
static int compare(const struct sl_field *a, const struct sl_field *b)
{
    int order = sl_field_compare(b, a);
    return order ? order : sl_field_compare_strictly(a, b);
}

/* Where the value belongs: after all that precede it or are equal to it. */
static uint32_t find_place(const struct sl_kept *kept, const struct sl_field *value)
{
    return (uint32_t)SL_BISECT(i, 0, kept->count, compare(&kept->item[i], value) <= 0);
}

/* Puts the value at its place, unless there are n before it; the last one makes room. */
static int insert(const struct sl_reducer *r, struct sl_arena *keep, struct sl_kept *kept,
                  const struct sl_field *value, bool copy)
{
    const struct largest *largest = (const struct largest *)sl_builtin_of_reducer(r);
    struct sl_field field = *value;
    uint32_t place = find_place(kept, value);
    if (place >= largest->count_max)
        return 0;
    if (copy && !sl_field_copy(keep, value, &field))
        return SL_ENOMEM;
    if (kept->count < largest->count_max && !sl_kept_append(kept, keep, field))
        return SL_ENOMEM;
    memmove(kept->item + place + 1, kept->item + place, (kept->count - place - 1) * sizeof field);
    kept->item[place] = field;
    return 0;
}

static int largest_create(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                          const struct sl_field *value, union sl_state *ret)
{
    ret->pointer = sl_arena_calloc(keep, 1, sizeof(struct sl_kept));
    return ret->pointer ? insert(r, keep, ret->pointer, value, true) : SL_ENOMEM;
}

static int largest_merge(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                         union sl_state *state, const struct sl_field *value)
{
    return insert(r, keep, state->pointer, value, true);
}

static int largest_combine(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                           union sl_state *state, const union sl_state *other)
{
    const struct sl_kept *added = other->pointer;
    int failed = 0;
    for (uint32_t i = 0; failed == 0 && i < added->count; i++)
        failed = insert(r, keep, state->pointer, &added->item[i], false);
    return failed;
}

static int largest_finish(const struct sl_reducer *r, struct sl_task *task, const union sl_state *state,
                          struct sl_field *ret)
{
    const struct sl_kept *kept = state->pointer;
    *ret = sl_list(kept->item, kept->count);
    return 0;
}

static int largest_decode(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                          const struct sl_field *encoded, union sl_state *ret)
{
    struct sl_kept *kept = sl_arena_calloc(keep, 1, sizeof *kept);
    int failed = kept ? 0 : SL_ENOMEM;
    if (encoded->tag != SL_LIST)
        return sl_error_set(task->err, SL_EDAMAGED, "a stored largest is damaged");
    for (uint32_t i = 0; failed == 0 && i < encoded->len; i++)
        failed = insert(r, keep, kept, &encoded->items[i], true);
    ret->pointer = kept;
    return failed;
}

static int largest_copy(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                        const union sl_state *state, union sl_state *ret)
{
    struct sl_field items;
    int failed = largest_finish(r, task, state, &items);
    return failed < 0 ? failed : largest_decode(r, task, keep, &items, ret);
}

static const struct sl_reducer_ops largest_ops = {
    .exact = true,
    .create = largest_create,
    .merge = largest_merge,
    .combine = largest_combine,
    .finish = largest_finish,
    .encode = largest_finish,
    .decode = largest_decode,
    .copy = largest_copy,
};

static int largest_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                        struct sl_function **ret, struct sl_error *err)
{
    struct largest *largest = sl_builtin_reducer_new(sizeof *largest, &largest_ops);
    if (!largest)
        return sl_error_nomem(err);
    largest->count_max = argv[0].value.integer;
    *ret = &largest->reducer.function.base;
    return 0;
}

static const struct sl_param largest_params[] = {
    {"n", SL_WANT_COUNT, false, "how many values to keep"},
    {0},
};

const struct sl_builtin sl_native_largest = {
    .name = "largest",
    .family = "reducers",
    .summary = "The n largest values of a group, descending",
    .example = "s:map(function(line) return \"all\", #line end):reduceByKey(sluice.largest(3))",
    .params = largest_params,
    .make = largest_make,
};
