#include "ops/builtin/predicate.h"

/* The index of the judged field in a record of `width` fields; SL_EREJECT where there is none. */
static int locate(const struct sl_predicate *predicate, struct sl_task *task, uint32_t width)
{
    const char *name = predicate->function.base.name;
    if (predicate->field == 0 && width != 1)
        return sl_task_explain(task, "%s: the record has %u fields; say which by number", name,
                               (unsigned)width);
    if (predicate->field > width)
        return sl_task_explain(task, "%s: there is no field %u, the record has %u", name,
                               (unsigned)predicate->field, (unsigned)width);
    return predicate->field ? (int)predicate->field - 1 : 0;
}

int sl_predicate_call(const struct sl_function *fn, struct sl_task *task, const struct sl_field *argv,
                      uint32_t argc, struct sl_returned *ret)
{
    const struct sl_predicate *predicate = (const struct sl_predicate *)fn;
    bool truth = false;
    int at = locate(predicate, task, argc);
    if (at < 0)
        return at;
    int r = predicate->judge(predicate, task, &argv[at], &truth);
    return r < 0 ? r : sl_builtin_give(ret, sl_boolean(truth));
}

int sl_predicate_filter(const struct sl_function *fn, struct sl_task *task, const struct sl_chunk *in,
                        uint8_t *keep)
{
    const struct sl_predicate *predicate = (const struct sl_predicate *)fn;
    int at = locate(predicate, task, in->width), r = 0;
    if (at < 0)
        return at;
    for (uint32_t row = 0; r == 0 && row < in->rows; row++) {
        bool truth = false;
        r = predicate->judge(predicate, task, &in->column[at][row], &truth);
        keep[row] = truth;
    }
    return r;
}

const struct sl_function_ops sl_predicate_ops = {
    .call = sl_predicate_call,
    .filter = sl_predicate_filter,
    .free = sl_builtin_free,
};

void sl_predicate_set_fields(struct sl_predicate *predicate)
{
    struct sl_function *fn = &predicate->function.base;
    fn->fields_min = predicate->field ? predicate->field : 1;
    fn->fields_max = predicate->field ? 0 : 1;
}

int sl_predicate_new(const struct sl_builtin *builtin, sl_judge *judge, const struct sl_arg *field,
                     const struct sl_arg *value, struct sl_predicate **ret, struct sl_error *err)
{
    int64_t number = field && field->kind == SL_ARG_VALUE ? field->value.integer : 0;
    if (number > SL_WIDTH_MAX)
        return sl_error_set(err, SL_EUSAGE, "%s: there is no field %lld, a record has at most %d",
                            builtin->name, (long long)number, SL_WIDTH_MAX);
    struct sl_predicate *predicate = sl_builtin_new(sizeof *predicate, &sl_predicate_ops, SL_GIVES_TRUTH);
    if (!predicate ||
        (value && !sl_field_copy(&predicate->function.arena, &value->value, &predicate->value))) {
        sl_builtin_free((struct sl_function *)predicate);
        return sl_error_nomem(err);
    }
    predicate->judge = judge;
    predicate->field = (uint32_t)number;
    sl_predicate_set_fields(predicate);
    *ret = predicate;
    return 0;
}
