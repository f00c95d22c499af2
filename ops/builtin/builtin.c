#include "ops/builtin/builtin.h"

#include "core/base/buf.h"
#include "ops/args.h"
#include "ops/builtin/function.h"
#include "ops/list.h"
#include "text/json.h"

#include <stdlib.h>
#include <string.h>

const struct sl_builtin *sl_builtin_find(const char *name)
{
    for (size_t i = 0; sl_builtins[i]; i++)
        if (strcmp(sl_builtins[i]->name, name) == 0)
            return sl_builtins[i];
    return NULL;
}

/* ---- what all functions of built-ins share ---- */

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
    (void)argv, (void)argc, (void)ret;
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

/* ---- making one ---- */

static size_t param_count(const struct sl_builtin *builtin)
{
    size_t count = 0;
    while (builtin->params && builtin->params[count].name)
        count++;
    return count;
}

/* Checks every argument; ret has room for the parameters and the repeated last one. */
static int check_args(const struct sl_builtin *builtin, const struct sl_arg *given, size_t argc,
                      struct sl_arg *ret, struct sl_error *err)
{
    size_t params = param_count(builtin);
    size_t first = builtin->variadic && argc > params ? params : argc;
    int r = sl_args_check(builtin->name, builtin->params, NULL, given, first, ret, NULL, err);
    for (size_t i = first; r == 0 && i < argc; i++)
        r = sl_arg_check(builtin->name, &builtin->params[params - 1], &given[i], &ret[i], err);
    return r;
}

/* Built-ins have names, functions of users have none. */
static bool is_named(const struct sl_function *fn)
{
    return fn->name && fn->name[0];
}

static bool arg_text(struct sl_buf *text, const struct sl_arg *arg)
{
    if (arg->kind == SL_ARG_FUNCTION)
        return sl_buf_text(text, is_named(arg->function) ? arg->function->name : "function");
    return arg->kind == SL_ARG_VALUE ? sl_json_field(text, &arg->value, NULL) : true;
}

/* The call as text, for signatures and messages: split(" "), words, all(gt(2, 1), notEmpty). */
static bool call_text(struct sl_buf *text, const struct sl_builtin *builtin, const struct sl_arg *argv,
                      size_t argc)
{
    bool whole = sl_buf_text(text, builtin->name);
    for (size_t i = 0; whole && i < argc && argv[i].kind != SL_ARG_NONE; i++)
        whole = sl_buf_text(text, i ? ", " : "(") && arg_text(text, &argv[i]);
    return whole && (!argc || argv[0].kind == SL_ARG_NONE || sl_buf_byte(text, ')'));
}

static int name_function(struct sl_function *fn, const struct sl_builtin *builtin, const struct sl_arg *argv,
                         size_t argc)
{
    struct sl_builtin_function *mine = (struct sl_builtin_function *)fn;
    struct sl_buf text SL_CLEANUP(sl_buf_done);
    sl_buf_init(&text);
    if (!call_text(&text, builtin, argv, argc))
        return SL_ENOMEM;
    fn->name = sl_arena_text(&mine->arena, (const char *)text.bytes, text.len);
    return fn->name ? 0 : SL_ENOMEM;
}

static int make_checked(const struct sl_builtin *builtin, const struct sl_site *site,
                        const struct sl_arg *argv, size_t argc, struct sl_function **ret,
                        struct sl_error *err)
{
    struct sl_function *fn = NULL;
    int r = builtin->make(builtin, argv, argc, &fn, err);
    if (r < 0)
        return r;
    if (name_function(fn, builtin, argv, argc) < 0) {
        fn->ops->free(fn);
        return sl_error_nomem(err);
    }
    if (site)
        fn->site = *site;
    *ret = fn;
    return 0;
}

int sl_builtin_make(const struct sl_builtin *builtin, const struct sl_site *site, const struct sl_arg *argv,
                    size_t argc, struct sl_function **ret, struct sl_error *err)
{
    size_t room = argc > SL_PARAMS_MAX ? argc : SL_PARAMS_MAX;
    struct sl_arg *checked = calloc(room, sizeof *checked);
    if (!checked)
        return sl_error_nomem(err);
    int r = check_args(builtin, argv, argc, checked, err);
    if (r == 0) {
        size_t params = param_count(builtin);
        r = make_checked(builtin, site, checked, argc > params ? argc : params, ret, err);
    }
    free(checked);
    return r;
}
