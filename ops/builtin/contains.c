/* contains(s [, i]), notEmpty([i]): whether a text holds another, whether there is anything at all. */
#include "ops/builtin/predicate.h"

#include <string.h>

static int contains(const struct sl_predicate *fn, struct sl_task *task, const struct sl_field *field,
                    bool *ret)
{
    if (field->tag != SL_STR)
        return sl_builtin_wants(&fn->function.base, task, "a string", field);
    *ret = fn->value.len == 0 || (field->len && memmem(field->str, field->len, fn->value.str, fn->value.len));
    return 0;
}

/* nil, "", an empty list and an empty map are empty; every other value is not. */
static int not_empty(const struct sl_predicate *fn, struct sl_task *task, const struct sl_field *field,
                     bool *ret)
{
    bool sized = field->tag == SL_STR || field->tag == SL_LIST || field->tag == SL_MAP;
    *ret = sized ? field->len > 0 : field->tag != SL_NIL;
    return 0;
}

static int contains_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                         struct sl_function **ret, struct sl_error *err)
{
    struct sl_predicate *predicate;
    int r = sl_predicate_new(builtin, contains, &argv[1], &argv[0], &predicate, err);
    if (r == 0)
        *ret = &predicate->function.base;
    return r;
}

static int not_empty_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                          struct sl_function **ret, struct sl_error *err)
{
    struct sl_predicate *predicate;
    int r = sl_predicate_new(builtin, not_empty, &argv[0], NULL, &predicate, err);
    if (r == 0)
        *ret = &predicate->function.base;
    return r;
}

static const struct sl_param contains_params[] = {
    {"s", SL_WANT_STRING, false, "the text to find"},
    {"i", SL_WANT_COUNT, true, "the number of the field, from 1; not given: the record's only field"},
    {0},
};

const struct sl_builtin sl_native_contains = {
    .name = "contains",
    .family = "predicates",
    .summary = "Whether the text holds s",
    .example = "s:filter(sluice.contains(\"a\"))",
    .params = contains_params,
    .make = contains_make,
};

static const struct sl_param not_empty_params[] = {
    {"i", SL_WANT_COUNT, true, "the number of the field, from 1; not given: the record's only field"},
    {0},
};

const struct sl_builtin sl_native_not_empty = {
    .name = "notEmpty",
    .family = "predicates",
    .summary = "Whether the value is neither nil nor an empty text, list or map",
    .example = "s:filter(sluice.notEmpty)",
    .params = not_empty_params,
    .make = not_empty_make,
};
