#include "ops/args.h"

#include "core/base/duration.h"
#include "core/base/nearest.h"
#include "core/base/size.h"
#include "core/contract/function.h"
#include "core/rows/field.h"

#include <string.h>

struct want_name {
    unsigned want;
    const char *text;
};

/* In the order messages list them. */
static const struct want_name want_names[] = {
    {SL_WANT_FUNCTION, "a function"},
    {SL_WANT_REDUCER, "a function of two values or a reducer"},
    {SL_WANT_STREAM, "a stream"},
    {SL_WANT_STREAMS, "a list of streams"},
    {SL_WANT_COUNT, "an integer of at least 1"},
    {SL_WANT_INTEGER, "an integer"},
    {SL_WANT_NUMBER, "a number"},
    {SL_WANT_STRING, "a string"},
    {SL_WANT_BOOLEAN, "true or false"},
    {SL_WANT_DURATION, "a duration (\"250ms\", \"1.5s\", \"5m\", \"1h\", \"2d\" or a number of seconds)"},
    {SL_WANT_SIZE, "a size (\"10KB\", \"512MiB\", \"1GB\" or a number of bytes)"},
    {SL_WANT_STRINGS, "a list of strings"},
    {SL_WANT_LIST, "a list"},
    {SL_WANT_VALUE, "a value"},
    {SL_WANT_NIL, "nil"},
};

enum { WANT_NAMES = sizeof want_names / sizeof want_names[0] };

/* Appends, or leaves the text as it is where there is no room. */
static void append(char *text, size_t size, const char *more)
{
    size_t len = strlen(text), more_len = strlen(more);
    if (len + more_len < size)
        memcpy(text + len, more, more_len + 1);
}

/* "a string or a list of strings". */
static const char *want_text(unsigned want, char *text, size_t size)
{
    text[0] = '\0';
    for (size_t i = 0; i < WANT_NAMES; i++) {
        if (!(want & want_names[i].want))
            continue;
        append(text, size, text[0] ? " or " : "");
        append(text, size, want_names[i].text);
    }
    return text;
}

static const char *function_text(const struct sl_function *fn)
{
    if (fn->reducer)
        return "a reducer";
    return fn->gives == SL_GIVES_ANY ? "a function" : "a built-in that is no reducer";
}

static const char *given_text(const struct sl_arg *given)
{
    switch (given->kind) {
    case SL_ARG_NONE:
        return "nothing";
    case SL_ARG_VALUE:
        return sl_tag_phrase((enum sl_tag)given->value.tag);
    case SL_ARG_FUNCTION:
        return function_text(given->function);
    case SL_ARG_STREAM:
        return "a stream";
    case SL_ARG_STREAMS:
        return "a list of streams";
    case SL_ARG_OPTIONS:
        return "options";
    }
    return "something else";
}

static const char *list_text(const struct sl_param *param, const struct sl_field *list)
{
    return !(param->want & SL_WANT_STRINGS) ? "a list"
           : list->len                      ? "a list that holds something else"
                                            : "an empty list";
}

static int wrong(const char *what, const struct sl_param *param, const struct sl_arg *given,
                 struct sl_error *err)
{
    char text[256];
    bool is_list = given->kind == SL_ARG_VALUE && given->value.tag == SL_LIST;
    (void)sl_error_set(err, SL_EUSAGE, "%s: %s must be %s, got %s", what, param->name,
                       want_text(param->want, text, sizeof text),
                       is_list ? list_text(param, &given->value) : given_text(given));
    if ((param->want & SL_WANT_STREAM) && given->kind == SL_ARG_VALUE)
        sl_error_hint(err, "data that is known beforehand is looked up by the function of map or filter, or "
                           "joined with joinTable(sluice.table(path))");
    return SL_EUSAGE;
}

static bool function_fits(unsigned want, const struct sl_function *fn)
{
    if ((want & SL_WANT_FUNCTION) && fn->gives != SL_GIVES_NOTHING)
        return true;
    return (want & SL_WANT_REDUCER) && (fn->reducer || fn->gives == SL_GIVES_ANY);
}

static bool strings_only(const struct sl_field *list)
{
    for (uint32_t i = 0; i < list->len; i++)
        if (list->items[i].tag != SL_STR)
            return false;
    return list->len > 0;
}

/* What an integer may be used as; errors where its size is the matter. */
static int integer_value(const char *what, const struct sl_param *param, int64_t integer,
                         const struct sl_arg *given, struct sl_arg *ret, struct sl_error *err)
{
    if (param->want & (SL_WANT_INTEGER | SL_WANT_COUNT)) {
        int64_t least = param->want & SL_WANT_NEGATIVE ? INT64_MIN : param->want & SL_WANT_INTEGER ? 0 : 1;
        if (integer < least)
            return sl_error_set(err, SL_EUSAGE, "%s: %s must be at least %lld, got %lld", what, param->name,
                                (long long)least, (long long)integer);
        *ret = SL_INT_ARG(integer);
        return 0;
    }
    if (param->want & SL_WANT_NUMBER) {
        *ret = SL_NUM_ARG((double)integer);
        return 0;
    }
    return wrong(what, param, given, err);
}

/* A duration or a size; `unit` is that of a bare number. */
static int wrong_measure(const char *what, const struct sl_param *param, const struct sl_field *value,
                         const char *wanted, const char *unit, struct sl_error *err)
{
    enum { SHOWN_MAX = 64 };
    if (value->tag == SL_STR)
        return sl_error_set(err, SL_EUSAGE, "%s: %s must be %s, got \"%.*s\"", what, param->name, wanted,
                            (int)(value->len < SHOWN_MAX ? value->len : SHOWN_MAX), (const char *)value->str);
    return sl_error_set(err, SL_EUSAGE, "%s: %s must be %s, got %.15g %s", what, param->name, wanted,
                        value->tag == SL_INT ? (double)value->integer : value->number, unit);
}

/* 0, or a duration of no length: "0s". */
static bool is_zero(const struct sl_field *value)
{
    static const char *const texts[] = {"0", "0ms", "0s", "0m", "0h", "0d"};
    if (value->tag == SL_INT || value->tag == SL_FLOAT)
        return value->tag == SL_INT ? value->integer == 0 : value->number == 0;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (value->len == strlen(texts[i]) && memcmp(value->str, texts[i], value->len) == 0)
            return true;
    return false;
}

static int size_value(const char *what, const struct sl_param *param, const struct sl_field *value,
                      struct sl_arg *ret, struct sl_error *err)
{
    static const char wanted[] =
        "a size of at least 1 byte, such as \"10KB\", \"512MiB\", \"1.5GB\" or a number of bytes";
    int64_t bytes = 0;
    bool good = value->tag == SL_STR   ? sl_size_parse((const char *)value->str, value->len, &bytes)
                : value->tag == SL_INT ? (bytes = value->integer) > 0
                                       : sl_float_is_integer(value->number, &bytes) && bytes > 0;
    if (!good)
        return wrong_measure(what, param, value, wanted, "bytes", err);
    *ret = SL_INT_ARG(bytes);
    return 0;
}

#define A_DURATION                                                                                           \
    "a duration of " SL_DURATION_LIMITS                                                                      \
    ", such as \"1s\", \"250ms\", \"1.5s\", \"5m\", \"1h\", \"2d\" or a number of seconds"

static int duration_value(const char *what, const struct sl_param *param, const struct sl_field *value,
                          struct sl_arg *ret, struct sl_error *err)
{
    static const char *const wanted[2] = {A_DURATION, "0 or " A_DURATION};
    bool takes_zero = param->want & SL_WANT_ZERO;
    int64_t ms;
    bool good = value->tag == SL_STR   ? sl_duration_parse((const char *)value->str, value->len, &ms)
                : value->tag == SL_INT ? sl_duration_from_seconds((double)value->integer, &ms)
                                       : sl_duration_from_seconds(value->number, &ms);
    if (!good && takes_zero && is_zero(value)) {
        *ret = SL_INT_ARG(0);
        return 0;
    }
    if (!good)
        return wrong_measure(what, param, value, wanted[takes_zero], "seconds", err);
    *ret = SL_INT_ARG(ms);
    return 0;
}

static int number_value(const char *what, const struct sl_param *param, const struct sl_arg *given,
                        struct sl_arg *ret, struct sl_error *err)
{
    int64_t integer;
    const struct sl_field *value = &given->value;
    if (param->want & SL_WANT_DURATION)
        return duration_value(what, param, value, ret, err);
    if (param->want & SL_WANT_SIZE)
        return size_value(what, param, value, ret, err);
    if (value->tag == SL_INT)
        return integer_value(what, param, value->integer, given, ret, err);
    if (param->want & SL_WANT_NUMBER) {
        *ret = *given;
        return 0;
    }
    if (sl_float_is_integer(value->number, &integer))
        return integer_value(what, param, integer, given, ret, err);
    return wrong(what, param, given, err);
}

static bool list_fits(unsigned want, const struct sl_field *list)
{
    return (want & SL_WANT_LIST) || ((want & SL_WANT_STRINGS) && strings_only(list));
}

static int other_value(const char *what, const struct sl_param *param, const struct sl_arg *given,
                       struct sl_arg *ret, struct sl_error *err)
{
    const struct sl_field *value = &given->value;
    bool fits = (value->tag == SL_STR && (param->want & SL_WANT_STRING)) ||
                (value->tag == SL_BOOL && (param->want & SL_WANT_BOOLEAN)) ||
                (value->tag == SL_LIST && list_fits(param->want, value));
    if (!fits && value->tag == SL_STR && (param->want & SL_WANT_DURATION))
        return duration_value(what, param, value, ret, err);
    if (!fits && value->tag == SL_STR && (param->want & SL_WANT_SIZE))
        return size_value(what, param, value, ret, err);
    if (!fits)
        return wrong(what, param, given, err);
    *ret = *given;
    return 0;
}

static int value_check(const char *what, const struct sl_param *param, const struct sl_arg *given,
                       struct sl_arg *ret, struct sl_error *err)
{
    uint8_t tag = given->value.tag;
    if (param->want & SL_WANT_VALUE) {
        *ret = *given;
        return 0;
    }
    if (tag == SL_NIL && (param->optional || (param->want & SL_WANT_NIL))) {
        *ret = (struct sl_arg){.kind = SL_ARG_NONE};
        return 0;
    }
    if (tag == SL_INT || tag == SL_FLOAT)
        return number_value(what, param, given, ret, err);
    return other_value(what, param, given, ret, err);
}

int sl_arg_check(const char *what, const struct sl_param *param, const struct sl_arg *given,
                 struct sl_arg *ret, struct sl_error *err)
{
    bool fits = false;
    switch (given->kind) {
    case SL_ARG_NONE:
        fits = param->optional || (param->want & SL_WANT_NIL);
        break;
    case SL_ARG_VALUE:
        return value_check(what, param, given, ret, err);
    case SL_ARG_FUNCTION:
        fits = function_fits(param->want, given->function);
        break;
    case SL_ARG_STREAM:
        fits = param->want & SL_WANT_STREAM;
        break;
    case SL_ARG_STREAMS:
        fits = param->want & SL_WANT_STREAMS;
        break;
    case SL_ARG_OPTIONS:
        break;
    }
    if (!fits)
        return wrong(what, param, given, err);
    *ret = *given;
    return 0;
}

static size_t param_count(const struct sl_param *params)
{
    size_t count = 0;
    while (params && params[count].name)
        count++;
    return count;
}

/* What a callee takes: positions, and the options of a last table (NULL: it has none). */
struct takes {
    const char *what;
    const struct sl_param *params, *options;
};

/* The trouble, and how the callee is called: "map(f)", optional arguments in brackets. */
static int usage_error(const struct takes *takes, const char *trouble, struct sl_error *err)
{
    const struct sl_param *params = takes->params;
    char text[256] = "";
    append(text, sizeof text, takes->what);
    append(text, sizeof text, "(");
    for (size_t i = 0; i < param_count(params); i++) {
        append(text, sizeof text, i ? ", " : "");
        append(text, sizeof text, params[i].optional ? "[" : "");
        append(text, sizeof text, params[i].name);
        append(text, sizeof text, params[i].optional ? "]" : "");
    }
    if (takes->options)
        append(text, sizeof text, param_count(params) ? ", [{ options }]" : "[{ options }]");
    append(text, sizeof text, ")");
    sl_error_set(err, SL_EUSAGE, "%s: %s; it is called as %s", takes->what, trouble, text);
    return takes->options ? sl_error_hint(err, "see sluice help %s", takes->what) : SL_EUSAGE;
}

/* An empty list, or a map of properties, in the place of an argument that must be given is that argument. */
static bool is_options(const struct sl_param *params, const struct sl_arg *given, size_t position)
{
    if (given->kind != SL_ARG_VALUE)
        return given->kind == SL_ARG_OPTIONS;
    bool is_required = position < param_count(params) && !params[position].optional;
    if (is_required && params[position].want & SL_WANT_SETTINGS)
        return false;
    return given->value.tag == SL_MAP ||
           (given->value.tag == SL_LIST && given->value.len == 0 && !is_required);
}

static int unknown_option(const char *what, const struct sl_param *options, const char *name, size_t len,
                          struct sl_error *err)
{
    const char *names[SL_OPTIONS_MAX];
    char wanted[65] = "";
    size_t count = param_count(options);
    for (size_t i = 0; i < count; i++)
        names[i] = options[i].name;
    memcpy(wanted, name, len < sizeof wanted ? len : sizeof wanted - 1);
    const char *nearest = sl_name_nearest(wanted, names, count);
    sl_error_set(err, SL_EUSAGE, "%s: there is no option \"%s\"", what, wanted);
    return nearest ? sl_error_hint(err, "did you mean \"%s\"?", nearest)
                   : sl_error_hint(err, "see sluice help %s", what);
}

static int option_check(const char *what, const struct sl_param *options, const char *name, size_t len,
                        const struct sl_arg *given, struct sl_arg *ret, struct sl_error *err)
{
    for (size_t i = 0; i < param_count(options); i++) {
        if (strlen(options[i].name) != len || memcmp(options[i].name, name, len) != 0)
            continue;
        struct sl_param optional = options[i];
        optional.optional = true; /* nil takes an option back */
        return sl_arg_check(what, &optional, given, &ret[i], err);
    }
    return unknown_option(what, options, name, len, err);
}

static int options_check(const char *what, const struct sl_param *options, const struct sl_arg *given,
                         struct sl_arg *ret, struct sl_error *err)
{
    int r = 0;
    if (given->kind == SL_ARG_OPTIONS) {
        for (size_t i = 0; r == 0 && i < given->count; i++) {
            const struct sl_option *o = &given->options[i];
            r = option_check(what, options, o->name, strlen(o->name), &o->arg, ret, err);
        }
        return r;
    }
    const struct sl_field *map = &given->value;
    for (uint32_t i = 0; r == 0 && map->tag == SL_MAP && i < map->len; i++) {
        const struct sl_field *key = &map->items[2 * (size_t)i];
        struct sl_arg value = {.kind = SL_ARG_VALUE, .value = key[1]};
        r = option_check(what, options, (const char *)key->str, key->len, &value, ret, err);
    }
    return r;
}

static int missing(const struct takes *takes, size_t i, struct sl_error *err)
{
    const struct sl_param *params = takes->params;
    char trouble[320] = "", wanted[256];
    append(trouble, sizeof trouble, params[i].name);
    append(trouble, sizeof trouble, " is missing (");
    append(trouble, sizeof trouble, want_text(params[i].want, wanted, sizeof wanted));
    append(trouble, sizeof trouble, ")");
    return usage_error(takes, trouble, err);
}

static int positional_check(const struct takes *takes, const struct sl_arg *given, size_t count,
                            struct sl_arg *ret, struct sl_error *err)
{
    const struct sl_param *params = takes->params;
    size_t wanted = param_count(params);
    if (count > wanted)
        return usage_error(takes, "too many arguments", err);
    for (size_t i = 0; i < count; i++) {
        int r = sl_arg_check(takes->what, &params[i], &given[i], &ret[i], err);
        if (r < 0)
            return r;
    }
    for (size_t i = count; i < wanted; i++)
        if (!params[i].optional)
            return missing(takes, i, err);
    return 0;
}

size_t sl_args_drop_flag(const struct sl_arg *given, size_t count, struct sl_arena *arena, struct sl_arg *ret)
{
    bool has_flag = count == 2 && given[1].kind == SL_ARG_VALUE && given[1].value.tag == SL_BOOL;
    for (size_t i = 0; i < count; i++)
        ret[i] = given[i];
    return has_flag ? 1 : count;
}

/* Lua functions of a job hand on arguments that they were not given: f(a, nil) is f(a). */
static size_t without_last_nils(const struct sl_param *params, const struct sl_arg *given, size_t count)
{
    while (count > param_count(params) && given[count - 1].kind == SL_ARG_VALUE &&
           given[count - 1].value.tag == SL_NIL)
        count--;
    return count;
}

int sl_args_check(const char *what, const struct sl_param *params, const struct sl_param *options,
                  const struct sl_arg *given, size_t count, struct sl_arg *ret, struct sl_arg *ret_options,
                  struct sl_error *err)
{
    const struct takes takes = {what, params, options};
    sl_assert(param_count(params) <= SL_PARAMS_MAX && param_count(options) <= SL_OPTIONS_MAX);
    for (size_t i = 0; i < SL_PARAMS_MAX; i++)
        ret[i] = (struct sl_arg){.kind = SL_ARG_NONE};
    for (size_t i = 0; options && i < SL_OPTIONS_MAX; i++)
        ret_options[i] = (struct sl_arg){.kind = SL_ARG_NONE};
    count = without_last_nils(params, given, count);
    if (options && count && is_options(params, &given[count - 1], count - 1)) {
        int r = options_check(what, options, &given[count - 1], ret_options, err);
        if (r < 0)
            return r;
        count--;
    }
    return positional_check(&takes, given, count, ret, err);
}
