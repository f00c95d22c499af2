/* select(i, ...), swap, const(v): records made of the fields of records. Columns are shared. */
#include "core/contract/columns.h"
#include "ops/builtin/function.h"

struct choice {
    struct sl_builtin_function function;
    struct sl_numbers numbers; /* from 1 */
};

/* ---- select ---- */

static int select_call(const struct sl_function *fn, struct sl_task *task, const struct sl_field *argv,
                       uint32_t argc, struct sl_returned *ret)
{
    const struct choice *choice = (const struct choice *)fn;
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < choice->numbers.count; i++)
        r = sl_builtin_field(fn, task, argv, argc, choice->numbers.number[i], &ret->values[i]);
    ret->count = choice->numbers.count;
    return r;
}

static int select_map(const struct sl_function *fn, struct sl_task *task, const struct sl_chunk *in,
                      struct sl_chunk *out)
{
    const struct choice *choice = (const struct choice *)fn;
    out->width = choice->numbers.count;
    for (uint32_t i = 0; i < choice->numbers.count; i++) {
        if (choice->numbers.number[i] > in->width)
            return SL_EREJECT;
        out->column[i] = in->column[choice->numbers.number[i] - 1];
    }
    return 0;
}

static const struct sl_columns *select_columns(const struct sl_function *fn, const struct sl_columns *in,
                                               struct sl_arena *arena)
{
    const struct choice *choice = (const struct choice *)fn;
    return sl_columns_pick(arena, in, choice->numbers.number, choice->numbers.count);
}

static const struct sl_function_ops select_ops = {
    .call = select_call,
    .map = select_map,
    .columns = select_columns,
    .free = sl_builtin_free,
};

static int select_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                       struct sl_function **ret, struct sl_error *err)
{
    struct choice *choice = sl_builtin_new(sizeof *choice, &select_ops, SL_GIVES_ROW);
    if (!choice)
        return sl_error_nomem(err);
    int r = sl_builtin_numbers(builtin, &choice->function, argv, argc, SL_WIDTH_MAX, &choice->numbers, err);
    if (r < 0) {
        sl_builtin_free(&choice->function.base);
        return r;
    }
    choice->function.base.width = choice->numbers.count;
    for (uint32_t i = 0; i < choice->numbers.count; i++)
        if (choice->numbers.number[i] > choice->function.base.fields_min)
            choice->function.base.fields_min = choice->numbers.number[i];
    *ret = &choice->function.base;
    return 0;
}

/* ---- swap: (key, value) to (value, key); several value fields become a list ---- */

static int swap_call(const struct sl_function *fn, struct sl_task *task, const struct sl_field *argv,
                     uint32_t argc, struct sl_returned *ret)
{
    if (argc < 2)
        return sl_task_explain_pair(task, fn->name, &argv[0]);
    ret->count = 2;
    ret->values[1] = argv[0];
    ret->values[0] = argv[1];
    if (argc == 2)
        return 0;
    struct sl_field *items = sl_arena_alloc(task->scratch, (argc - 1) * sizeof *items);
    if (!items)
        return SL_ENOMEM;
    for (uint32_t i = 1; i < argc; i++)
        items[i - 1] = argv[i];
    ret->values[0] = sl_list(items, argc - 1);
    return 0;
}

static int swap_map(const struct sl_function *fn, struct sl_task *task, const struct sl_chunk *in,
                    struct sl_chunk *out)
{
    if (in->width != 2)
        return SL_EREJECT;
    out->width = 2;
    out->column[0] = in->column[1];
    out->column[1] = in->column[0];
    return 0;
}

static const struct sl_columns *swap_columns(const struct sl_function *fn, const struct sl_columns *in,
                                             struct sl_arena *arena)
{
    return in->count == 2 ? sl_columns_pick(arena, in, (const uint32_t[]){2, 1}, 2) : NULL;
}

static const struct sl_function_ops swap_ops = {
    .call = swap_call,
    .map = swap_map,
    .columns = swap_columns,
    .free = sl_builtin_free,
};

static int swap_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                     struct sl_function **ret, struct sl_error *err)
{
    *ret = sl_builtin_new(sizeof(struct sl_builtin_function), &swap_ops, SL_GIVES_ROW);
    if (!*ret)
        return sl_error_nomem(err);
    (*ret)->width = (*ret)->fields_min = 2;
    return 0;
}

/* ---- const ---- */

struct constant {
    struct sl_builtin_function function;
    struct sl_field value;
};

static int const_call(const struct sl_function *fn, struct sl_task *task, const struct sl_field *argv,
                      uint32_t argc, struct sl_returned *ret)
{
    return sl_builtin_give(ret, ((const struct constant *)fn)->value);
}

static const struct sl_function_ops const_ops = {.call = const_call, .free = sl_builtin_free};

static int const_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                      struct sl_function **ret, struct sl_error *err)
{
    struct constant *constant = sl_builtin_new(sizeof *constant, &const_ops, SL_GIVES_ROW);
    if (!constant || !sl_field_copy(&constant->function.arena, &argv[0].value, &constant->value)) {
        sl_builtin_free((struct sl_function *)constant);
        return sl_error_nomem(err);
    }
    constant->value.flags = 0;
    constant->function.base.width = 1;
    *ret = &constant->function.base;
    return 0;
}

/* ---- the descriptors ---- */

static const struct sl_param select_params[] = {
    {"i", SL_WANT_COUNT, false, "the number of a field, from 1"},
    {0},
};

const struct sl_builtin sl_native_select = {
    .name = "select",
    .family = "rows",
    .summary = "Gives the chosen fields of the record, in the order they are named",
    .example = "s:zipWithIndex():map(sluice.select(2, 1))",
    .params = select_params,
    .variadic = true,
    .make = select_make,
};

const struct sl_builtin sl_native_swap = {
    .name = "swap",
    .family = "rows",
    .summary = "Gives (value, key) of a pair (key, value)",
    .example = "s:map(sluice.pair(1)):map(sluice.swap)",
    .make = swap_make,
};

static const struct sl_param const_params[] = {
    {"v", SL_WANT_VALUE, false, "the value"},
    {0},
};

const struct sl_builtin sl_native_const = {
    .name = "const",
    .family = "rows",
    .summary = "Gives v, whatever the record is",
    .example = "s:map(sluice.const(1)):reduce(sluice.sum)",
    .params = const_params,
    .make = const_make,
};
