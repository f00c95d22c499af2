/* A built-in of one field, put to work on one field of a wider record: lower(2), json("id", {field = 2}).
 *
 * Text built-ins replace the field and keep the others; what makes records from text gives its own values only. */
#include "ops/builtin/function.h"

struct at_field {
    struct sl_builtin_function function;
    struct sl_function *inner; /* owned */
    uint32_t field;            /* from 0 */
    bool keeps;
};

static int call(const struct sl_function *fn, struct sl_task *task, const struct sl_field *argv,
                uint32_t argc, struct sl_returned *ret)
{
    const struct at_field *mine = (const struct at_field *)fn;
    if (mine->field >= argc)
        return sl_task_explain(task, "%s: there is no field %u, the record has %u", fn->name,
                               (unsigned)mine->field + 1, (unsigned)argc);
    int r = sl_function_call(mine->inner, task, &argv[mine->field], 1, ret);
    if (r < 0 || !mine->keeps || ret->count != 1)
        return r;
    struct sl_field changed = ret->values[0];
    for (uint32_t i = 0; i < argc; i++)
        ret->values[i] = argv[i];
    ret->values[mine->field] = changed;
    ret->count = argc;
    return 0;
}

static int map(const struct sl_function *fn, struct sl_task *task, const struct sl_chunk *in,
               struct sl_chunk *out)
{
    const struct at_field *mine = (const struct at_field *)fn;
    if (mine->field >= in->width)
        return SL_EREJECT;
    struct sl_chunk one = {.rows = in->rows, .width = 1, .origin = in->origin, .line = in->line}, made = one;
    one.column[0] = in->column[mine->field];
    int r = mine->inner->ops->map(mine->inner, task, &one, &made);
    if (r < 0)
        return r;
    if (mine->keeps)
        for (uint32_t c = 0; c < in->width; c++)
            out->column[c] = c == mine->field ? made.column[0] : in->column[c];
    else
        for (uint32_t c = 0; c < made.width; c++)
            out->column[c] = made.column[c];
    out->width = mine->keeps ? in->width : made.width;
    return 0;
}

static void at_field_free(struct sl_function *fn)
{
    if (fn && ((struct at_field *)fn)->inner)
        ((struct at_field *)fn)->inner->ops->free(((struct at_field *)fn)->inner);
    sl_builtin_free(fn);
}

static const struct sl_function_ops ops = {.call = call, .free = at_field_free};
static const struct sl_function_ops ops_with_map = {.call = call, .map = map, .free = at_field_free};

int sl_builtin_at_field(const struct sl_builtin *builtin, int64_t number, struct sl_function **fn,
                        struct sl_error *err)
{
    if (number > SL_WIDTH_MAX)
        return sl_error_set(err, SL_EUSAGE, "%s: there is no field %lld, a record has at most %d",
                            builtin->name, (long long)number, SL_WIDTH_MAX);
    struct at_field *mine =
        sl_builtin_new(sizeof *mine, (*fn)->ops->map ? &ops_with_map : &ops, (*fn)->gives);
    if (!mine)
        return sl_error_nomem(err);
    mine->inner = *fn;
    mine->function.base.name = (*fn)->name; /* of the inner one's arena */
    mine->field = (uint32_t)number - 1;
    mine->keeps = builtin->field == SL_FIELD_KEEP;
    mine->function.base.fields_min = (uint32_t)number;
    mine->function.base.width = mine->keeps ? SL_WIDTH_SAME : mine->inner->width;
    *fn = &mine->function.base;
    return 0;
}
