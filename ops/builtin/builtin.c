#include "ops/builtin/builtin.h"

#include "core/base/buf.h"
#include "ops/args.h"
#include "ops/builtin/function.h"
#include "text/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- making one ---- */

static size_t param_count(const struct sl_param *params)
{
    size_t count = 0;
    while (params && params[count].name)
        count++;
    return count;
}

/* Checks every argument; ret has room for the parameters and the repeated last one. */
static int check_args(const struct sl_builtin *builtin, const struct sl_arg *given, size_t argc,
                      struct sl_arg *ret, struct sl_error *err)
{
    size_t params = param_count(builtin->params);
    size_t first = builtin->variadic && argc > params ? params : argc;
    int r = sl_args_check(builtin->name, builtin->params, NULL, given, first, ret, NULL, err);
    for (size_t i = first; r == 0 && i < argc; i++)
        r = sl_arg_check(builtin->name, &builtin->params[params - 1], &given[i], &ret[i], err);
    return r;
}

/* ---- options, the last argument where it is a table with names ---- */

static const struct sl_param field_param = {"field", SL_WANT_COUNT, true,
                                            "the number of the field to work on, from 1"};

size_t sl_builtin_options(const struct sl_builtin *builtin, struct sl_param ret[SL_OPTIONS_MAX])
{
    size_t count = 0;
    for (; builtin->options && builtin->options[count].name && count < SL_OPTIONS_MAX - 2; count++)
        ret[count] = builtin->options[count];
    if (builtin->field != SL_FIELD_NONE)
        ret[count++] = field_param;
    ret[count] = (struct sl_param){0};
    return count;
}

static bool has_options(const struct sl_builtin *builtin, const struct sl_arg *last)
{
    return (builtin->options || builtin->field != SL_FIELD_NONE) && last->kind == SL_ARG_VALUE &&
           last->value.tag == SL_MAP;
}

static bool is_name(const struct sl_field *key, const char *name)
{
    return key->len == strlen(name) && memcmp(key->str, name, key->len) == 0;
}

static int refuse_option(const struct sl_builtin *builtin, const struct sl_field *key, struct sl_error *err)
{
    char known[256] = "";
    for (size_t i = 0; builtin->options && builtin->options[i].name; i++)
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i ? ", " : "",
                 builtin->options[i].name);
    if (builtin->field != SL_FIELD_NONE)
        snprintf(known + strlen(known), sizeof known - strlen(known), "%sfield", known[0] ? ", " : "");
    return sl_error_set(err, SL_EUSAGE, "%s: there is no option %.*s; it has %s", builtin->name,
                        (int)(key->len < 64 ? key->len : 64), (const char *)key->str, known);
}

/* One name and value; ret[i] is option i, *ret_field the field that was chosen. */
static int take_option(const struct sl_builtin *builtin, const struct sl_field *pair, struct sl_arg *ret,
                       struct sl_arg *ret_field, struct sl_error *err)
{
    struct sl_arg given = {.kind = SL_ARG_VALUE, .value = pair[1]};
    for (size_t i = 0; builtin->options && builtin->options[i].name; i++)
        if (is_name(&pair[0], builtin->options[i].name))
            return sl_arg_check(builtin->name, &builtin->options[i], &given, &ret[i], err);
    if (builtin->field != SL_FIELD_NONE && is_name(&pair[0], field_param.name))
        return sl_arg_check(builtin->name, &field_param, &given, ret_field, err);
    return refuse_option(builtin, &pair[0], err);
}

static int take_options(const struct sl_builtin *builtin, const struct sl_field *map, struct sl_arg *ret,
                        struct sl_arg *ret_field, struct sl_error *err)
{
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < map->len; i++)
        r = take_option(builtin, &map->items[2 * i], ret, ret_field, err);
    return r;
}

/* The field given by the parameter of that name, unless an option chose one. */
static void find_field(const struct sl_builtin *builtin, const struct sl_arg *argv, struct sl_arg *ret)
{
    for (size_t i = 0; builtin->field != SL_FIELD_NONE && builtin->params && builtin->params[i].name; i++)
        if (strcmp(builtin->params[i].name, field_param.name) == 0 && argv[i].kind == SL_ARG_VALUE &&
            ret->kind == SL_ARG_NONE)
            *ret = argv[i];
}

/* ---- the name ---- */

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

/* What a call was made of: checked arguments, and the options as they were given. */
struct call {
    const struct sl_builtin *builtin;
    const struct sl_arg *argv;
    size_t argc;
    const struct sl_arg *options; /* NULL: none */
    struct sl_arg field;
};

/* The call as text, for signatures and messages: split(" "), words, all(gt(2, 1), notEmpty). */
static bool call_text(struct sl_buf *text, const struct call *call)
{
    bool whole = sl_buf_text(text, call->builtin->name);
    size_t written = 0;
    for (; whole && written < call->argc && call->argv[written].kind != SL_ARG_NONE; written++)
        whole = sl_buf_text(text, written ? ", " : "(") && arg_text(text, &call->argv[written]);
    if (whole && call->options)
        whole = sl_buf_text(text, written++ ? ", " : "(") && arg_text(text, call->options);
    return whole && (!written || sl_buf_byte(text, ')'));
}

static int name_function(struct sl_function *fn, const struct call *call)
{
    struct sl_builtin_function *mine = (struct sl_builtin_function *)fn;
    struct sl_buf text SL_CLEANUP(sl_buf_done);
    sl_buf_init(&text);
    if (!call_text(&text, call))
        return SL_ENOMEM;
    fn->name = sl_arena_text(&mine->arena, (const char *)text.bytes, text.len);
    return fn->name ? 0 : SL_ENOMEM;
}

/* ---- making it ---- */

static int make_checked(const struct call *call, const struct sl_site *site, struct sl_function **ret,
                        struct sl_error *err)
{
    struct sl_function *fn = NULL;
    int r = call->builtin->reducer ? sl_builtin_reducer(call->builtin->reducer, &fn, err)
                                   : call->builtin->make(call->builtin, call->argv, call->argc, &fn, err);
    if (r < 0)
        return r;
    r = name_function(fn, call);
    if (r == 0 && call->field.kind == SL_ARG_VALUE)
        r = sl_builtin_at_field(call->builtin, call->field.value.integer, &fn, err);
    if (r < 0) {
        fn->ops->free(fn);
        return r == SL_ENOMEM ? sl_error_nomem(err) : r;
    }
    if (site)
        fn->site = *site;
    *ret = fn;
    return 0;
}

/* Room for every argument, at least one per parameter, and for the options after them. */
static int make_in(const struct sl_builtin *builtin, const struct sl_site *site, const struct sl_arg *argv,
                   size_t argc, struct sl_arg *checked, struct sl_function **ret, struct sl_error *err)
{
    size_t params = param_count(builtin->params);
    const struct sl_arg *options = argc && has_options(builtin, &argv[argc - 1]) ? &argv[argc - 1] : NULL;
    struct call call = {.builtin = builtin, .argv = checked, .options = options};
    argc -= options != NULL;
    call.argc = argc > params ? argc : params;
    int r = check_args(builtin, argv, argc, checked, err);
    if (r == 0 && options)
        r = take_options(builtin, &options->value, checked + call.argc, &call.field, err);
    if (r < 0)
        return r;
    find_field(builtin, checked, &call.field);
    return make_checked(&call, site, ret, err);
}

int sl_builtin_make(const struct sl_builtin *builtin, const struct sl_site *site, const struct sl_arg *argv,
                    size_t argc, struct sl_function **ret, struct sl_error *err)
{
    size_t room = (argc > SL_PARAMS_MAX ? argc : SL_PARAMS_MAX) + SL_OPTIONS_MAX;
    struct sl_arg *checked = calloc(room, sizeof *checked);
    if (!checked)
        return sl_error_nomem(err);
    int r = make_in(builtin, site, argv, argc, checked, ret, err);
    free(checked);
    return r;
}
