/* all(p, ...), any(p, ...), negate(p): predicates made of predicates, native ones or functions. A record is
 * asked in order until the answer is known. */
#include "ops/builtin/function.h"

#include <string.h>

struct logic {
    struct sl_builtin_function function;
    bool decides; /* the answer of a part that ends the asking: all: false, any: true */
    bool inverts;
    uint32_t count;
    const struct sl_function **part; /* owned by the graph, as every function */
};

static int ask(const struct logic *logic, const struct sl_function *part, struct sl_task *task,
               const struct sl_field *argv, uint32_t argc, bool *ret)
{
    struct sl_field values[SL_WIDTH_MAX];
    struct sl_returned returned = {.values = values};
    int r = sl_function_call(part, task, argv, argc, &returned);
    if (r < 0)
        return r;
    if (returned.count != 1 || (values[0].tag != SL_BOOL && values[0].tag != SL_NIL))
        return sl_task_explain(task, "%s: a function gave no boolean; return true or false",
                               logic->function.base.name);
    *ret = values[0].tag == SL_BOOL && values[0].boolean;
    return 0;
}

static int logic_call(const struct sl_function *fn, struct sl_task *task, const struct sl_field *argv,
                      uint32_t argc, struct sl_returned *ret)
{
    const struct logic *logic = (const struct logic *)fn;
    bool truth = !logic->decides;
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < logic->count && truth != logic->decides; i++)
        r = ask(logic, logic->part[i], task, argv, argc, &truth);
    return r < 0 ? r : sl_builtin_give(ret, sl_boolean(truth != logic->inverts));
}

/* Every part judges the whole chunk. Where one rejects, rows go one by one: another part may have decided
 * before it is asked. */
static int logic_filter(const struct sl_function *fn, struct sl_task *task, const struct sl_chunk *in,
                        uint8_t *keep)
{
    const struct logic *logic = (const struct logic *)fn;
    uint8_t truth[SL_CHUNK_ROWS];
    memset(keep, !logic->decides, in->rows);
    for (uint32_t i = 0; i < logic->count; i++) {
        const struct sl_function *part = logic->part[i];
        int r = part->ops->filter ? part->ops->filter(part, task, in, truth) : SL_EREJECT;
        if (r < 0)
            return r;
        for (uint32_t row = 0; row < in->rows; row++)
            keep[row] = logic->decides ? keep[row] | truth[row] : keep[row] & truth[row];
    }
    for (uint32_t row = 0; row < in->rows; row++)
        keep[row] ^= logic->inverts;
    return 0;
}

static const struct sl_function_ops logic_ops = {
    .call = logic_call,
    .filter = logic_filter,
    .free = sl_builtin_free,
};

static int check_parts(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                       struct sl_error *err)
{
    for (size_t i = 0; i < argc; i++) {
        const struct sl_function *part = argv[i].function;
        if (part->gives != SL_GIVES_ANY && part->gives != SL_GIVES_TRUTH)
            return sl_error_set(err, SL_EUSAGE, "%s: %s is no predicate", builtin->name, part->name);
    }
    return 0;
}

static int make(const struct sl_builtin *builtin, bool decides, bool inverts, const struct sl_arg *argv,
                size_t argc, struct sl_function **ret, struct sl_error *err)
{
    int r = check_parts(builtin, argv, argc, err);
    if (r < 0)
        return r;
    struct logic *logic = sl_builtin_new(sizeof *logic, &logic_ops, SL_GIVES_TRUTH);
    if (logic)
        logic->part = sl_arena_alloc(&logic->function.arena, argc * sizeof *logic->part);
    if (!logic || !logic->part) {
        sl_builtin_free((struct sl_function *)logic);
        return sl_error_nomem(err);
    }
    logic->decides = decides;
    logic->inverts = inverts;
    logic->count = (uint32_t)argc;
    for (size_t i = 0; i < argc; i++)
        logic->part[i] = argv[i].function;
    *ret = &logic->function.base;
    return 0;
}

static int all_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                    struct sl_function **ret, struct sl_error *err)
{
    return make(builtin, false, false, argv, argc, ret, err);
}

static int any_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                    struct sl_function **ret, struct sl_error *err)
{
    return make(builtin, true, false, argv, argc, ret, err);
}

static int negate_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                       struct sl_function **ret, struct sl_error *err)
{
    return make(builtin, false, true, argv, argc, ret, err);
}

static const struct sl_param logic_params[] = {
    {"p", SL_WANT_FUNCTION, false, "a predicate: a built-in or a function that returns true or false"},
    {0},
};

const struct sl_builtin sl_native_all = {
    .name = "all",
    .family = "predicates",
    .summary = "Whether all of the predicates hold",
    .example = "s:filter(sluice.all(sluice.notEmpty, sluice.contains(\"a\")))",
    .params = logic_params,
    .variadic = true,
    .make = all_make,
};

const struct sl_builtin sl_native_any = {
    .name = "any",
    .family = "predicates",
    .summary = "Whether one of the predicates holds",
    .example = "s:filter(sluice.any(sluice.eq(1, \"a\"), sluice.contains(\"b\")))",
    .params = logic_params,
    .variadic = true,
    .make = any_make,
};

const struct sl_builtin sl_native_negate = {
    .name = "negate",
    .family = "predicates",
    .summary = "Whether the predicate does not hold",
    .example = "s:filter(sluice.negate(sluice.contains(\"a\")))",
    .params = logic_params,
    .make = negate_make,
};
