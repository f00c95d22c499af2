/* fields(sep, i, ...): chosen fields of a line as a row; all of them where none is chosen. A field that the
 * line does not have is a record error. */
#include "ops/builtin/function.h"

#include <string.h>

struct fields {
    struct sl_builtin_function function;
    struct sl_field separator;
    struct sl_numbers numbers; /* from 1; none: all */
    uint32_t last;             /* the largest of them: nothing after it is looked at */
};

/* The piece at *from; moves *from past the separator, or to NULL after the last piece. */
static struct sl_field next_piece(const struct sl_field *separator, const uint8_t **from, const uint8_t *end)
{
    const uint8_t *begin = *from, *at = NULL;
    if (begin < end)
        at = separator->len == 1 ? memchr(begin, separator->str[0], (size_t)(end - begin))
                                 : memmem(begin, (size_t)(end - begin), separator->str, separator->len);
    *from = at ? at + separator->len : NULL;
    return sl_string(begin, (size_t)((at ? at : end) - begin));
}

static void place(const struct fields *fields, uint32_t number, struct sl_field piece,
                  struct sl_field *values)
{
    for (uint32_t i = 0; i < fields->numbers.count; i++)
        if (fields->numbers.number[i] == number)
            values[i] = piece;
}

static int missing(const struct sl_function *fn, struct sl_task *task, uint32_t wanted, uint32_t found)
{
    return sl_task_explain(task, "%s: there is no field %u, the line has %u", fn->name, (unsigned)wanted,
                           (unsigned)found);
}

static int chosen_fields(const struct fields *fields, struct sl_task *task, const struct sl_field *line,
                         struct sl_returned *ret)
{
    const uint8_t *from = line->str ? line->str : (const uint8_t *)"", *end = from + line->len;
    uint32_t found = 0;
    while (from && found < fields->last) {
        struct sl_field piece = next_piece(&fields->separator, &from, end);
        place(fields, ++found, piece, ret->values);
    }
    ret->count = fields->numbers.count;
    return found == fields->last ? 0 : missing(&fields->function.base, task, fields->last, found);
}

static int all_fields(const struct fields *fields, struct sl_task *task, const struct sl_field *line,
                      struct sl_returned *ret)
{
    const uint8_t *from = line->str ? line->str : (const uint8_t *)"", *end = from + line->len;
    while (from) {
        if (ret->count == SL_WIDTH_MAX)
            return sl_task_explain(task, "%s: the line has more than %d fields", fields->function.base.name,
                                   SL_WIDTH_MAX);
        ret->values[ret->count++] = next_piece(&fields->separator, &from, end);
    }
    return 0;
}

static int fields_call(const struct sl_function *fn, struct sl_task *task, const struct sl_field *argv,
                       uint32_t argc, struct sl_returned *ret)
{
    const struct fields *fields = (const struct fields *)fn;
    int r = sl_builtin_text(fn, task, argv, argc);
    if (r < 0)
        return r;
    ret->count = 0;
    return fields->numbers.count ? chosen_fields(fields, task, argv, ret)
                                 : all_fields(fields, task, argv, ret);
}

static const struct sl_function_ops fields_ops = {.call = fields_call, .free = sl_builtin_free};

static int fill(const struct sl_builtin *builtin, struct fields *fields, const struct sl_arg *argv,
                size_t argc, struct sl_error *err)
{
    if (!sl_field_copy(&fields->function.arena, &argv[0].value, &fields->separator))
        return sl_error_nomem(err);
    int r =
        sl_builtin_numbers(builtin, &fields->function, argv + 1, argc - 1, UINT32_MAX, &fields->numbers, err);
    for (uint32_t i = 0; r == 0 && i < fields->numbers.count; i++)
        if (fields->numbers.number[i] > fields->last)
            fields->last = fields->numbers.number[i];
    return r;
}

static int fields_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                       struct sl_function **ret, struct sl_error *err)
{
    if (argv[0].value.len == 0)
        return sl_error_set(err, SL_EUSAGE, "%s: sep is empty; give the text between the fields",
                            builtin->name);
    struct fields *fields = sl_builtin_new(sizeof *fields, &fields_ops, SL_GIVES_ROW);
    int r = fields ? fill(builtin, fields, argv, argc, err) : sl_error_nomem(err);
    if (r < 0) {
        sl_builtin_free((struct sl_function *)fields);
        return r;
    }
    sl_builtin_takes_one(&fields->function.base, fields->numbers.count);
    *ret = &fields->function.base;
    return 0;
}

static const struct sl_param fields_params[] = {
    {"sep", SL_WANT_STRING, false, "the text between the fields, not empty"},
    {"i", SL_WANT_COUNT, true, "the number of a field, from 1; none given: all"},
    {0},
};

const struct sl_builtin sl_native_fields = {
    .name = "fields",
    .family = "records from text",
    .summary = "Splits a line at each sep and gives the chosen fields as one record",
    .example = "s:map(sluice.fields(\" \", 1))",
    .params = fields_params,
    .variadic = true,
    .field = SL_FIELD_ALONE,
    .make = fields_make,
};
