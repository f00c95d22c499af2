/* pair(v): (record, v). Words become the pairs of a count: map(pair(1)).
 *
 * On one-field records a chunk keeps its column and gets a second one that is made once,
 * with the function. */
#include "core/rows/field.h"
#include "ops/builtin/function.h"

struct pair {
    struct sl_builtin_function function;
    struct sl_field value;
    struct sl_field *column; /* SL_CHUNK_ROWS times the value */
};

static int pair_call(const struct sl_function *fn, struct sl_task *task, const struct sl_field *argv,
                     uint32_t argc, struct sl_returned *ret)
{
    const struct pair *pair = (const struct pair *)fn;
    struct sl_field record = argv[0];
    if (argc > 1) {
        struct sl_field *items = sl_arena_alloc(task->scratch, argc * sizeof *items);
        if (!items)
            return SL_ENOMEM;
        for (uint32_t i = 0; i < argc; i++)
            items[i] = argv[i];
        record = sl_list(items, argc);
    }
    ret->count = 2;
    ret->values[0] = record;
    ret->values[1] = pair->value;
    return 0;
}

static int pair_map(const struct sl_function *fn, struct sl_task *task, const struct sl_chunk *in,
                    struct sl_chunk *out)
{
    const struct pair *pair = (const struct pair *)fn;
    if (in->width != 1)
        return SL_EREJECT;
    out->width = 2;
    out->column[0] = in->column[0];
    out->column[1] = pair->column;
    return 0;
}

static const struct sl_function_ops pair_ops = {
    .call = pair_call,
    .map = pair_map,
    .free = sl_builtin_free,
};

static bool fill(struct pair *pair, const struct sl_field *value)
{
    struct sl_arena *arena = &pair->function.arena;
    pair->column = sl_arena_alloc(arena, SL_CHUNK_ROWS * sizeof *pair->column);
    if (!pair->column || !sl_field_copy(arena, value, &pair->value))
        return false;
    for (size_t row = 0; row < SL_CHUNK_ROWS; row++)
        pair->column[row] = pair->value;
    return true;
}

static int pair_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                     struct sl_function **ret, struct sl_error *err)
{
    struct pair *pair = sl_builtin_new(sizeof *pair, &pair_ops, SL_GIVES_ROW);
    if (!pair || !fill(pair, &argv[0].value)) {
        sl_builtin_free((struct sl_function *)pair);
        return sl_error_nomem(err);
    }
    pair->function.base.width = 2;
    *ret = &pair->function.base;
    return 0;
}

static const struct sl_param pair_params[] = {
    {"v", SL_WANT_VALUE, false, "the value that every record is paired with"},
    {0},
};

const struct sl_builtin sl_native_pair = {
    .name = "pair",
    .family = "rows",
    .summary = "Gives the pair (record, v); a record of several fields becomes a list",
    .example = "s:map(sluice.pair(1))",
    .params = pair_params,
    .make = pair_make,
};
