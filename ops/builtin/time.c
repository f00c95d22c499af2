/* timestamp([i,] [format [, zone]]): field i (the only one where not given) read as a time, in ms since the epoch.
 * formatTime([i,] format [, zone]): the time in a field as text. Both keep the record's other fields. */
#include "ops/builtin/time.h"

#include "ops/builtin/function.h"

#include <string.h>

struct time_function {
    struct sl_builtin_function function;
    struct sl_time_format *format;
    uint32_t field; /* from 1; 0: the only one */
};

typedef int convert_field(const struct time_function *fn, struct sl_task *task, struct sl_time_memo *memo,
                          const struct sl_field *value, struct sl_field *ret);

/* ---- one field ---- */

enum { SHOWN_MAX = 60 };

static int explain_text(const struct time_function *fn, struct sl_task *task, const struct sl_field *value,
                        const char *trouble)
{
    if (value->tag != SL_STR)
        return sl_task_explain(task, "%s: the field is of type %s; %s", fn->function.base.name,
                               sl_tag_name((enum sl_tag)value->tag), trouble);
    return sl_task_explain(task, "%s: \"%.*s\": %s", fn->function.base.name,
                           (int)(value->len < SHOWN_MAX ? value->len : SHOWN_MAX), (const char *)value->str,
                           trouble);
}

static int read_time(const struct time_function *fn, struct sl_task *task, struct sl_time_memo *memo,
                     const struct sl_field *value, struct sl_field *ret)
{
    const char *trouble;
    int64_t ms;
    if (!sl_time_parse_field(fn->format, memo, value, &ms, &trouble))
        return explain_text(fn, task, value, trouble);
    *ret = sl_integer(ms);
    return 0;
}

static int write_time(const struct time_function *fn, struct sl_task *task, struct sl_time_memo *memo,
                      const struct sl_field *value, struct sl_field *ret)
{
    struct sl_buf text SL_CLEANUP(sl_buf_done) = {0};
    int64_t ms = value->integer;
    bool whole = value->tag == SL_INT || (value->tag == SL_FLOAT && sl_float_is_integer(value->number, &ms));
    if (!whole || !sl_time_is_valid(ms))
        return sl_task_explain(task,
                               "%s: a time is wanted, in whole ms since the epoch, of the years 1 to 9999",
                               fn->function.base.name);
    if (!sl_time_print(fn->format, memo, ms, &text))
        return SL_ENOMEM;
    uint8_t *copy = sl_arena_copy(task->scratch, text.bytes, text.len);
    *ret = sl_string(copy, text.len);
    return copy ? 0 : SL_ENOMEM;
}

/* ---- records ---- */

/* The index of the field; SL_EREJECT where there is none. */
static int locate(const struct time_function *fn, struct sl_task *task, uint32_t width)
{
    const char *name = fn->function.base.name;
    if (fn->field == 0 && width != 1)
        return sl_task_explain(task, "%s: the record has %u fields; say which by number", name,
                               (unsigned)width);
    if (fn->field > width)
        return sl_task_explain(task, "%s: there is no field %u, the record has %u", name, (unsigned)fn->field,
                               (unsigned)width);
    return fn->field ? (int)fn->field - 1 : 0;
}

static int call_with(convert_field *convert, const struct sl_function *fn, struct sl_task *task,
                     const struct sl_field *argv, uint32_t argc, struct sl_returned *ret)
{
    const struct time_function *own = (const struct time_function *)fn;
    struct sl_time_memo memo = {0};
    int at = locate(own, task, argc);
    if (at < 0)
        return at;
    for (uint32_t i = 0; i < argc; i++)
        ret->values[i] = argv[i];
    ret->count = argc;
    return convert(own, task, &memo, &argv[at], &ret->values[at]);
}

static int map_with(convert_field *convert, const struct sl_function *fn, struct sl_task *task,
                    const struct sl_chunk *in, struct sl_chunk *out)
{
    const struct time_function *own = (const struct time_function *)fn;
    struct sl_time_memo memo = {0};
    int at = locate(own, task, in->width), r = 0;
    if (at < 0)
        return at;
    struct sl_field *column = sl_arena_alloc(task->scratch, in->rows * sizeof *column);
    if (!column)
        return SL_ENOMEM;
    for (uint32_t row = 0; r == 0 && row < in->rows; row++)
        r = convert(own, task, &memo, &in->column[at][row], &column[row]);
    out->width = in->width;
    memcpy(out->column, in->column, in->width * sizeof in->column[0]);
    out->column[at] = column;
    return r;
}

static int timestamp_call(const struct sl_function *fn, struct sl_task *task, const struct sl_field *argv,
                          uint32_t argc, struct sl_returned *ret)
{
    return call_with(read_time, fn, task, argv, argc, ret);
}

static int timestamp_map(const struct sl_function *fn, struct sl_task *task, const struct sl_chunk *in,
                         struct sl_chunk *out)
{
    return map_with(read_time, fn, task, in, out);
}

static int format_call(const struct sl_function *fn, struct sl_task *task, const struct sl_field *argv,
                       uint32_t argc, struct sl_returned *ret)
{
    return call_with(write_time, fn, task, argv, argc, ret);
}

static int format_map(const struct sl_function *fn, struct sl_task *task, const struct sl_chunk *in,
                      struct sl_chunk *out)
{
    return map_with(write_time, fn, task, in, out);
}

static void free_function(struct sl_function *fn)
{
    if (fn)
        sl_time_format_free(((struct time_function *)fn)->format);
    sl_builtin_free(fn);
}

static const struct sl_function_ops timestamp_ops = {
    .call = timestamp_call, .map = timestamp_map, .free = free_function};
static const struct sl_function_ops format_ops = {
    .call = format_call, .map = format_map, .free = free_function};

/* ---- for withWatermark ---- */

bool sl_timestamp_is(const struct sl_function *fn)
{
    return fn->ops == &timestamp_ops;
}

int sl_timestamp_row(const struct sl_function *fn, struct sl_task *task, struct sl_time_memo *memo,
                     const struct sl_chunk *in, uint32_t row, int64_t *ret_ms)
{
    const struct time_function *own = (const struct time_function *)fn;
    const char *trouble;
    int at = locate(own, task, in->width);
    if (at < 0)
        return at;
    const struct sl_field *value = &in->column[at][row];
    if (sl_time_parse_field(own->format, memo, value, ret_ms, &trouble))
        return 0;
    return explain_text(own, task, value, trouble);
}

/* ---- making ---- */

static const struct sl_field iso8601 = {.tag = SL_STR, .len = 7, .str = (const uint8_t *)"iso8601"};

/* The field's number, as the first argument or as the option `field`; 0: none was given. */
static int take_number(const struct sl_builtin *builtin, const struct sl_arg *first,
                       const struct sl_arg *option, uint32_t *ret, struct sl_error *err)
{
    bool is_first = first->kind == SL_ARG_VALUE && first->value.tag == SL_INT;
    if (is_first && option->kind != SL_ARG_NONE)
        return sl_error_set(err, SL_EUSAGE, "%s: the field is given twice, as %lld and as { field = %lld }",
                            builtin->name, (long long)first->value.integer, (long long)option->value.integer);
    int64_t number = is_first                      ? first->value.integer
                     : option->kind != SL_ARG_NONE ? option->value.integer
                                                   : 0;
    if (number > SL_WIDTH_MAX)
        return sl_error_set(err, SL_EUSAGE, "%s: there is no field %lld, a record has at most %d",
                            builtin->name, (long long)number, SL_WIDTH_MAX);
    *ret = (uint32_t)number;
    return 0;
}

/* [i,] [format [, zone]] [, { field = i }]: the number may be left out. */
static int make_format(const struct sl_builtin *builtin, struct time_function *fn, const struct sl_arg *argv,
                       size_t argc, struct sl_error *err)
{
    bool has_text = argv[0].kind == SL_ARG_VALUE && argv[0].value.tag == SL_STR;
    const struct sl_arg *text = has_text ? argv : argv + 1, *zone = text + 1;
    struct sl_field format = text->kind == SL_ARG_VALUE ? text->value : iso8601;
    if (has_text && argc > 2 && argv[2].kind != SL_ARG_NONE)
        return sl_error_set(err, SL_EUSAGE,
                            "%s: too many arguments; it is called as %s([i,] format [, zone])", builtin->name,
                            builtin->name);
    bool has_zone = zone->kind == SL_ARG_VALUE && zone->value.len;
    int r = take_number(builtin, &argv[0], &argv[argc], &fn->field, err);
    if (r < 0)
        return r;
    r = sl_time_format_new(format.str, format.len, has_zone ? (const char *)zone->value.str : NULL,
                           has_zone ? zone->value.len : 0, &fn->format, err);
    return r < 0 ? sl_error_wrap(err, "%s", builtin->name) : 0;
}

/* The spec is the function's ops. */
static int make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                struct sl_function **ret, struct sl_error *err)
{
    struct time_function *fn = sl_builtin_new(sizeof *fn, builtin->spec, SL_GIVES_ROW);
    int r = fn ? make_format(builtin, fn, argv, argc, err) : sl_error_nomem(err);
    if (r < 0) {
        free_function((struct sl_function *)fn);
        return r;
    }
    *ret = &fn->function.base;
    return 0;
}

static const struct sl_param params[] = {
    {"i", SL_WANT_COUNT | SL_WANT_STRING, true,
     "the number of the field, from 1; may be left out: the record's only field"},
    {"format", SL_WANT_STRING, true,
     "\"iso8601\" (the default), \"s\", \"ms\", \"us\", or strptime's conversions: \"%d/%b/%Y:%H:%M:%S %z\""},
    {"zone", SL_WANT_STRING, true,
     "of texts that name none: \"UTC\" (the default), \"+02:00\", \"Europe/Berlin\""},
    {0},
};

static const struct sl_param options[] = {
    {"field", SL_WANT_COUNT, true, "the number of the field, where it is not the first argument"},
    {0},
};

const struct sl_builtin sl_native_timestamp = {
    .name = "timestamp",
    .family = "time",
    .summary =
        "Reads field i of the record as a time, in milliseconds since the epoch; the other fields stay",
    .example = "s:map(sluice.const(\"2024-02-29T12:00:00Z\")):map(sluice.timestamp(\"iso8601\"))",
    .params = params,
    .options = options,
    .spec = &timestamp_ops,
    .make = make,
};

const struct sl_builtin sl_native_format_time = {
    .name = "formatTime",
    .family = "time",
    .summary = "Writes the time in field i, in milliseconds since the epoch, as text; the other fields stay",
    .example =
        "s:map(sluice.const(1709208000000)):map(sluice.formatTime(\"%d %b %Y %H:%M\", \"Europe/Berlin\"))",
    .params = params,
    .options = options,
    .spec = &format_ops,
    .make = make,
};
