/* number([i]): the record with field i (the only one where not given) read as a number: an integer where the
 * text is one in 64 bits, else a float. White space around it does not matter; a number stays. */
#include "text/number.h"
#include "ops/builtin/function.h"

#include <string.h>

struct number {
    struct sl_builtin_function function;
    uint32_t field; /* from 1; 0: the only one */
};

static bool is_space(uint8_t byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static bool read_number(const struct sl_field *text, struct sl_field *ret)
{
    const uint8_t *from = text->str, *to = from + text->len;
    int64_t integer;
    double number;
    while (from < to && is_space(*from))
        from++;
    while (to > from && is_space(to[-1]))
        to--;
    size_t len = (size_t)(to - from);
    if (sl_integer_parse(from, len, &integer)) {
        *ret = sl_integer(integer);
        return true;
    }
    if (!sl_float_parse(from, len, &number))
        return false;
    *ret = sl_number(number);
    return true;
}

static int convert(const struct sl_function *fn, struct sl_task *task, const struct sl_field *value,
                   struct sl_field *ret)
{
    if (value->tag == SL_INT || value->tag == SL_FLOAT) {
        *ret = *value;
        return 0;
    }
    if (value->tag != SL_STR)
        return sl_builtin_wants(fn, task, "a string", value);
    return read_number(value, ret) ? 0 : sl_task_explain(task, "%s: the text is no number", fn->name);
}

/* The index of the field to convert; SL_EREJECT where there is none. */
static int locate(const struct number *number, struct sl_task *task, uint32_t width)
{
    const char *name = number->function.base.name;
    if (number->field == 0 && width != 1)
        return sl_task_explain(task, "%s: the record has %u fields; say which by number", name,
                               (unsigned)width);
    if (number->field > width)
        return sl_task_explain(task, "%s: there is no field %u, the record has %u", name,
                               (unsigned)number->field, (unsigned)width);
    return number->field ? (int)number->field - 1 : 0;
}

static int number_call(const struct sl_function *fn, struct sl_task *task, const struct sl_field *argv,
                       uint32_t argc, struct sl_returned *ret)
{
    int at = locate((const struct number *)fn, task, argc);
    if (at < 0)
        return at;
    for (uint32_t i = 0; i < argc; i++)
        ret->values[i] = argv[i];
    ret->count = argc;
    return convert(fn, task, &argv[at], &ret->values[at]);
}

static int number_map(const struct sl_function *fn, struct sl_task *task, const struct sl_chunk *in,
                      struct sl_chunk *out)
{
    int at = locate((const struct number *)fn, task, in->width), r = 0;
    if (at < 0)
        return at;
    struct sl_field *column = sl_arena_alloc(task->scratch, in->rows * sizeof *column);
    if (!column)
        return SL_ENOMEM;
    for (uint32_t row = 0; r == 0 && row < in->rows; row++)
        r = convert(fn, task, &in->column[at][row], &column[row]);
    out->width = in->width;
    memcpy(out->column, in->column, in->width * sizeof in->column[0]);
    out->column[at] = column;
    return r;
}

static const struct sl_function_ops number_ops = {
    .call = number_call,
    .map = number_map,
    .free = sl_builtin_free,
};

static int number_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                       struct sl_function **ret, struct sl_error *err)
{
    int64_t field = argv[0].kind == SL_ARG_NONE ? 0 : argv[0].value.integer;
    if (field > SL_WIDTH_MAX)
        return sl_error_set(err, SL_EUSAGE, "%s: there is no field %lld, a record has at most %d",
                            builtin->name, (long long)field, SL_WIDTH_MAX);
    struct number *number = sl_builtin_new(sizeof *number, &number_ops, SL_GIVES_ROW);
    if (!number)
        return sl_error_nomem(err);
    number->field = (uint32_t)field;
    if (number->field)
        number->function.base.fields_min = number->field;
    else
        sl_builtin_takes_one(&number->function.base, 1);
    number->function.base.width = SL_WIDTH_SAME;
    *ret = &number->function.base;
    return 0;
}

static const struct sl_param number_params[] = {
    {"i", SL_WANT_COUNT, true, "the number of the field, from 1; not given: the record's only field"},
    {0},
};

const struct sl_builtin sl_native_number = {
    .name = "number",
    .family = "records from text",
    .summary = "Reads field i of the record as a number; the other fields stay",
    .example = "s:map(sluice.const(\"a,12\")):map(sluice.fields(\",\", 1, 2)):map(sluice.number(2))",
    .params = number_params,
    .make = number_make,
};
