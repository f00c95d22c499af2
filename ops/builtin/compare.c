/* eq, ne, lt, le, gt, ge(i, v): field i compared with v by the equality and the order of docs/manual.md,
 * "Records" (1 equals 1.0, any string is after any number). */
#include "ops/builtin/predicate.h"

static int eq(const struct sl_predicate *fn, struct sl_task *task, const struct sl_field *field, bool *ret)
{
    *ret = sl_field_equals(field, &fn->value);
    return 0;
}

static int ne(const struct sl_predicate *fn, struct sl_task *task, const struct sl_field *field, bool *ret)
{
    *ret = !sl_field_equals(field, &fn->value);
    return 0;
}

static int lt(const struct sl_predicate *fn, struct sl_task *task, const struct sl_field *field, bool *ret)
{
    *ret = sl_field_compare(field, &fn->value) < 0;
    return 0;
}

static int le(const struct sl_predicate *fn, struct sl_task *task, const struct sl_field *field, bool *ret)
{
    *ret = sl_field_compare(field, &fn->value) <= 0;
    return 0;
}

static int gt(const struct sl_predicate *fn, struct sl_task *task, const struct sl_field *field, bool *ret)
{
    *ret = sl_field_compare(field, &fn->value) > 0;
    return 0;
}

static int ge(const struct sl_predicate *fn, struct sl_task *task, const struct sl_field *field, bool *ret)
{
    *ret = sl_field_compare(field, &fn->value) >= 0;
    return 0;
}

static const struct comparison {
    const char *name;
    sl_judge *judge;
} comparisons[] = {{"eq", eq}, {"ne", ne}, {"lt", lt}, {"le", le}, {"gt", gt}, {"ge", ge}};

static sl_judge *find(const char *name)
{
    for (size_t i = 0; i < sizeof comparisons / sizeof comparisons[0]; i++)
        if (__builtin_strcmp(comparisons[i].name, name) == 0)
            return comparisons[i].judge;
    sl_assert(!"every descriptor of this file has its comparison");
    return NULL;
}

static int compare_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                        struct sl_function **ret, struct sl_error *err)
{
    struct sl_predicate *predicate;
    int r = sl_predicate_new(builtin, find(builtin->name), &argv[0], &argv[1], &predicate, err);
    if (r == 0)
        *ret = &predicate->function.base;
    return r;
}

static const struct sl_param compare_params[] = {
    {"i", SL_WANT_COUNT, false, "the number of the field, from 1"},
    {"v", SL_WANT_VALUE, false, "the value it is compared with"},
    {0},
};

const struct sl_builtin sl_native_eq = {
    .name = "eq",
    .family = "predicates",
    .summary = "Whether field i equals v",
    .example = "s:filter(sluice.eq(1, \"b\"))",
    .params = compare_params,
    .make = compare_make,
};

const struct sl_builtin sl_native_ne = {
    .name = "ne",
    .family = "predicates",
    .summary = "Whether field i does not equal v",
    .example = "s:filter(sluice.ne(1, \"b\"))",
    .params = compare_params,
    .make = compare_make,
};

const struct sl_builtin sl_native_lt = {
    .name = "lt",
    .family = "predicates",
    .summary = "Whether field i comes before v in the order of values",
    .example = "s:filter(sluice.lt(1, \"b\"))",
    .params = compare_params,
    .make = compare_make,
};

const struct sl_builtin sl_native_le = {
    .name = "le",
    .family = "predicates",
    .summary = "Whether field i comes before v in the order of values or equals it",
    .example = "s:filter(sluice.le(1, \"b\"))",
    .params = compare_params,
    .make = compare_make,
};

const struct sl_builtin sl_native_gt = {
    .name = "gt",
    .family = "predicates",
    .summary = "Whether field i comes after v in the order of values",
    .example = "s:filter(sluice.gt(1, \"b\"))",
    .params = compare_params,
    .make = compare_make,
};

const struct sl_builtin sl_native_ge = {
    .name = "ge",
    .family = "predicates",
    .summary = "Whether field i comes after v in the order of values or equals it",
    .example = "s:filter(sluice.ge(1, \"b\"))",
    .params = compare_params,
    .make = compare_make,
};
