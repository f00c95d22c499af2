/* csv([delimiter,] i, ...): chosen fields of one line of csv (RFC 4180) as a row; all of them where none is
 * chosen. Fields are strings; \N without quotes is nil, as in everything that reads csv.
 *
 * A quoted field may hold the delimiter and doubled quotes. A line is a whole record here: a newline inside
 * quotes needs fileStream with format "csv", which reads files and not lines. */
#include "ops/builtin/function.h"

#include <string.h>

struct csv {
    struct sl_builtin_function function;
    struct sl_numbers numbers; /* from 1; none: all */
    uint32_t last;             /* the largest of them */
    uint8_t delimiter;
};

struct reader {
    const struct csv *csv;
    struct sl_task *task;
    const uint8_t *at, *end;
};

static int bad_quote(const struct reader *reader, const char *trouble)
{
    return sl_task_explain(reader->task, "%s: %s", reader->csv->function.base.name, trouble);
}

/* The text between quotes that begins at reader->at, with doubled quotes made single. */
static int read_quoted(struct reader *reader, struct sl_field *ret)
{
    const uint8_t *from = reader->at + 1;
    uint8_t *bytes = sl_arena_alloc(reader->task->scratch, (size_t)(reader->end - from) + 1);
    size_t len = 0;
    if (!bytes)
        return SL_ENOMEM;
    for (;;) {
        const uint8_t *quote = from < reader->end ? memchr(from, '"', (size_t)(reader->end - from)) : NULL;
        if (!quote)
            return bad_quote(reader, "a quote is not closed");
        memcpy(bytes + len, from, (size_t)(quote - from));
        len += (size_t)(quote - from);
        from = quote + 1;
        if (from >= reader->end || *from != '"')
            break;
        bytes[len++] = '"';
        from++;
    }
    if (from < reader->end && *from != reader->csv->delimiter)
        return bad_quote(reader, "there is text after a closing quote");
    reader->at = from;
    *ret = sl_string(bytes, len);
    return 0;
}

static int read_plain(struct reader *reader, struct sl_field *ret)
{
    size_t left = (size_t)(reader->end - reader->at);
    const uint8_t *at = left ? memchr(reader->at, reader->csv->delimiter, left) : NULL;
    size_t len = at ? (size_t)(at - reader->at) : left;
    *ret = len == 2 && memcmp(reader->at, "\\N", 2) == 0 ? sl_nil() : sl_string(reader->at, len);
    reader->at += len;
    return 0;
}

/* The next field; moves past the delimiter, or sets at to NULL after the last field. */
static int next_field(struct reader *reader, struct sl_field *ret)
{
    bool quoted = reader->at < reader->end && *reader->at == '"';
    int r = quoted ? read_quoted(reader, ret) : read_plain(reader, ret);
    if (r == 0)
        reader->at = reader->at < reader->end ? reader->at + 1 : NULL;
    return r;
}

static int keep_field(const struct csv *csv, struct sl_task *task, uint32_t number, struct sl_field field,
                      struct sl_returned *ret)
{
    if (!csv->numbers.count && number > SL_WIDTH_MAX)
        return sl_task_explain(task, "%s: the line has more than %d fields", csv->function.base.name,
                               SL_WIDTH_MAX);
    if (!csv->numbers.count)
        ret->values[number - 1] = field;
    for (uint32_t i = 0; i < csv->numbers.count; i++)
        if (csv->numbers.number[i] == number)
            ret->values[i] = field;
    return 0;
}

static int csv_call(const struct sl_function *fn, struct sl_task *task, const struct sl_field *argv,
                    uint32_t argc, struct sl_returned *ret)
{
    const struct csv *csv = (const struct csv *)fn;
    uint32_t found = 0;
    int r = sl_builtin_text(fn, task, argv, argc);
    struct reader reader = {csv, task, argv->str, NULL};
    if (r < 0)
        return r;
    if (!reader.at)
        reader.at = (const uint8_t *)"";
    reader.end = reader.at + argv->len;
    while (r == 0 && reader.at && (!csv->last || found < csv->last)) {
        struct sl_field field;
        r = next_field(&reader, &field);
        if (r == 0)
            r = keep_field(csv, task, ++found, field, ret);
    }
    if (r == 0 && found < csv->last)
        return sl_task_explain(task, "%s: there is no field %u, the line has %u", fn->name,
                               (unsigned)csv->last, (unsigned)found);
    ret->count = csv->numbers.count ? csv->numbers.count : found;
    return r;
}

static const struct sl_function_ops csv_ops = {.call = csv_call, .free = sl_builtin_free};

/* The delimiter, if the first argument is one. Returns how many arguments it took. */
static int read_delimiter(const struct sl_builtin *builtin, struct csv *csv, const struct sl_arg *argv,
                          size_t argc, struct sl_error *err)
{
    int taken = argv[0].kind == SL_ARG_VALUE && argv[0].value.tag == SL_STR;
    csv->delimiter = ',';
    if (taken && (argv[0].value.len != 1 || memchr("\"\r\n", argv[0].value.str[0], 3)))
        return sl_error_set(err, SL_EUSAGE, "%s: the delimiter must be one byte and no quote or line end",
                            builtin->name);
    if (taken)
        csv->delimiter = argv[0].value.str[0];
    for (size_t i = (size_t)taken; i < argc; i++)
        if (argv[i].kind == SL_ARG_VALUE && argv[i].value.tag != SL_INT)
            return sl_error_set(err, SL_EUSAGE, "%s: only the first argument may be a delimiter",
                                builtin->name);
    return taken;
}

static int fill(const struct sl_builtin *builtin, struct csv *csv, const struct sl_arg *argv, size_t argc,
                struct sl_error *err)
{
    int taken = read_delimiter(builtin, csv, argv, argc, err);
    if (taken < 0)
        return taken;
    int r = sl_builtin_numbers(builtin, &csv->function, argv + taken, argc - (size_t)taken, UINT32_MAX,
                               &csv->numbers, err);
    for (uint32_t i = 0; r == 0 && i < csv->numbers.count; i++)
        if (csv->numbers.number[i] > csv->last)
            csv->last = csv->numbers.number[i];
    return r;
}

static int csv_make(const struct sl_builtin *builtin, const struct sl_arg *argv, size_t argc,
                    struct sl_function **ret, struct sl_error *err)
{
    struct csv *csv = sl_builtin_new(sizeof *csv, &csv_ops, SL_GIVES_ROW);
    int r = csv ? fill(builtin, csv, argv, argc, err) : sl_error_nomem(err);
    if (r < 0) {
        sl_builtin_free((struct sl_function *)csv);
        return r;
    }
    sl_builtin_takes_one(&csv->function.base, csv->numbers.count);
    *ret = &csv->function.base;
    return 0;
}

static const struct sl_param csv_params[] = {
    {"i", SL_WANT_COUNT | SL_WANT_STRING, true,
     "the number of a field, from 1; none given: all; a first one-byte text is the delimiter"},
    {0},
};

const struct sl_builtin sl_native_csv = {
    .name = "csv",
    .family = "records from text",
    .summary = "Reads a line of csv and gives the chosen fields, or all, as one record of texts",
    .example = "s:map(sluice.csv())",
    .params = csv_params,
    .variadic = true,
    .field = SL_FIELD_ALONE,
    .make = csv_make,
};
