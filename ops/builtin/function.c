#include "ops/builtin/function.h"

#include <stdlib.h>

void *sl_builtin_new(size_t size, const struct sl_function_ops *ops, enum sl_gives gives)
{
    struct sl_builtin_function *fn = calloc(1, size);
    if (!fn)
        return NULL;
    fn->base.ops = ops;
    fn->base.gives = gives;
    fn->base.name = "";
    sl_arena_init(&fn->arena);
    return fn;
}

void sl_builtin_free(struct sl_function *fn)
{
    struct sl_builtin_function *mine = (struct sl_builtin_function *)fn;
    if (!mine)
        return;
    sl_arena_done(&mine->arena);
    free(mine);
}

static int call_reducer(const struct sl_function *fn, struct sl_task *task, const struct sl_field *argv,
                        uint32_t argc, struct sl_returned *ret)
{
    return sl_task_explain(task, "%s is a reducer and cannot be called with a record", fn->name);
}

static const struct sl_function_ops reducer_function_ops = {.call = call_reducer, .free = sl_builtin_free};

int sl_builtin_reducer(const struct sl_reducer *reducer, struct sl_function **ret, struct sl_error *err)
{
    struct sl_builtin_function *made = sl_builtin_new(sizeof *made, &reducer_function_ops, SL_GIVES_NOTHING);
    if (!made)
        return sl_error_nomem(err);
    made->base.reducer = reducer;
    *ret = &made->base;
    return 0;
}

void *sl_builtin_reducer_new(size_t size, const struct sl_reducer_ops *ops)
{
    struct sl_builtin_reducer *made = sl_builtin_new(size, &reducer_function_ops, SL_GIVES_NOTHING);
    if (!made)
        return NULL;
    made->reducer.ops = ops;
    made->function.base.reducer = &made->reducer;
    return made;
}

int sl_builtin_wants(const struct sl_function *fn, struct sl_task *task, const char *wanted,
                     const struct sl_field *got)
{
    return sl_task_explain(task, "%s: the field is of type %s, %s is wanted", fn->name,
                           sl_tag_name((enum sl_tag)got->tag), wanted);
}

int sl_builtin_text(const struct sl_function *fn, struct sl_task *task, const struct sl_field *argv,
                    uint32_t argc)
{
    if (argc != 1)
        return sl_task_explain(task, "%s: the record has %u fields, one is wanted", fn->name, (unsigned)argc);
    return argv->tag == SL_STR ? 0 : sl_builtin_wants(fn, task, "a string", argv);
}

int sl_builtin_field(const struct sl_function *fn, struct sl_task *task, const struct sl_field *argv,
                     uint32_t argc, uint32_t i, struct sl_field *ret)
{
    if (i > argc)
        return sl_task_explain(task, "%s: there is no field %u, the record has %u", fn->name, (unsigned)i,
                               (unsigned)argc);
    *ret = argv[i - 1];
    return 0;
}

int sl_builtin_numbers(const struct sl_builtin *builtin, struct sl_builtin_function *fn,
                       const struct sl_arg *argv, size_t argc, uint32_t number_max, struct sl_numbers *ret,
                       struct sl_error *err)
{
    uint32_t *number = sl_arena_alloc(&fn->arena, (argc + 1) * sizeof *number), count = 0;
    if (!number)
        return sl_error_nomem(err);
    if (argc > SL_WIDTH_MAX)
        return sl_error_set(err, SL_EUSAGE, "%s: %zu numbers are given, a record has at most %d fields",
                            builtin->name, argc, SL_WIDTH_MAX);
    for (size_t i = 0; i < argc; i++) {
        if (argv[i].kind == SL_ARG_NONE)
            continue;
        int64_t given = argv[i].value.integer;
        if (given > number_max)
            return sl_error_set(err, SL_EUSAGE, "%s: there is no field %lld, the last is %u", builtin->name,
                                (long long)given, (unsigned)number_max);
        number[count++] = (uint32_t)given;
    }
    *ret = (struct sl_numbers){count, number};
    return 0;
}
