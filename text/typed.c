#include "text/typed.h"

#include "text/json.h"
#include "text/number.h"

#include <string.h>
#include <strings.h>

enum { SHOWN_MAX = 64 };

/* ---- one text ---- */

static bool parse_boolean(const struct sl_field *text, struct sl_field *ret)
{
    const char *bytes = (const char *)text->str;
    bool is_true = text->len == 4 && strncasecmp(bytes, "true", 4) == 0;
    if (!is_true && (text->len != 5 || strncasecmp(bytes, "false", 5) != 0))
        return false;
    *ret = sl_boolean(is_true);
    return true;
}

static bool parse_int(const struct sl_field *text, struct sl_field *ret)
{
    int64_t value;
    if (!sl_integer_parse(text->str, text->len, &value))
        return false;
    *ret = sl_integer(value);
    return true;
}

/* Digits and a point, as most are: at most 15 digits and 10^15 are exact, so one division rounds correctly. */
static bool parse_short_double(const struct sl_field *text, double *ret)
{
    static const double powers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    const uint8_t *at = text->str, *end = at + text->len, *point = NULL;
    int64_t value = 0;
    bool negative = at < end && *at == '-';
    at += negative;
    if (end - at < 1 || end - at > 15)
        return false;
    for (; at < end; at++) {
        unsigned digit = (unsigned)*at - '0';
        if (digit <= 9)
            value = value * 10 + digit;
        else if (*at == '.' && !point && text->len > 1U + negative)
            point = at + 1;
        else
            return false;
    }
    double number = point ? (double)value / powers[end - point] : (double)value;
    *ret = negative ? -number : number;
    return true;
}

static bool parse_double(const struct sl_field *text, struct sl_field *ret)
{
    double value;
    if (!parse_short_double(text, &value) && !sl_float_parse(text->str, text->len, &value))
        return false;
    *ret = sl_number(value);
    return true;
}

static bool parse_timestamp(const struct sl_field *text, struct sl_field *ret)
{
    int64_t ms;
    if (!sl_typed_timestamp(text->str, text->len, &ms) && !sl_integer_parse(text->str, text->len, &ms))
        return false;
    *ret = sl_integer(ms);
    return true;
}

static int parse_json(struct sl_arena *arena, const struct sl_field *text, struct sl_field *ret)
{
    const char *message;
    size_t at;
    int r = sl_json_parse(arena, text->str, text->len, ret, &message, &at);
    return r == SL_ENOMEM ? r : r == 0;
}

/* *ret may be the text itself. 1; 0: it is no such value; SL_ENOMEM. */
static int parse(enum sl_column_type type, struct sl_arena *arena, const struct sl_field *text,
                 struct sl_field *ret)
{
    switch (type) {
    case SL_COLUMN_ANY:
    case SL_COLUMN_STRING:
        *ret = *text;
        return 1;
    case SL_COLUMN_INT:
        return parse_int(text, ret);
    case SL_COLUMN_DOUBLE:
        return parse_double(text, ret);
    case SL_COLUMN_BOOLEAN:
        return parse_boolean(text, ret);
    case SL_COLUMN_TIMESTAMP:
        return parse_timestamp(text, ret);
    case SL_COLUMN_JSON:
        return parse_json(arena, text, ret);
    }
    return 0;
}

/* ---- what does not fit ---- */

static int reject_missing(const struct sl_typed *typed, struct sl_task *task, const struct sl_column *column)
{
    return sl_task_explain(task, "%s: column \"%s\" is required and has no value", typed->format,
                           column->name);
}

/* Bytes from data reach a terminal escaped: the code that shows the message does it. */
static int reject_value(const struct sl_typed *typed, struct sl_task *task, const struct sl_column *column,
                        const struct sl_field *value)
{
    const char *type = sl_column_type_name(column->type);
    if (value->tag != SL_STR)
        return sl_task_explain(task, "%s: column \"%s\" is of type %s, the value of type %s", typed->format,
                               column->name, type, sl_tag_name((enum sl_tag)value->tag));
    bool is_long = value->len > SHOWN_MAX;
    return sl_task_explain(task, "%s: column \"%s\" is of type %s, not \"%.*s\"%s", typed->format,
                           column->name, type, (int)(is_long ? SHOWN_MAX : value->len),
                           (const char *)value->str, is_long ? "..." : "");
}

static int bad_value(const struct sl_typed *typed, struct sl_task *task, const struct sl_column *column,
                     struct sl_field *field)
{
    if (!typed->bad_is_nil)
        return reject_value(typed, task, column, field);
    *field = sl_nil();
    return column->required ? reject_missing(typed, task, column) : 0;
}

/* ---- records of text ---- */

static int type_text(const struct sl_typed *typed, struct sl_task *task, const struct sl_column *column,
                     struct sl_field *field)
{
    struct sl_field text = *field;
    bool is_empty = text.tag == SL_NIL || !text.len;
    if (is_empty && column->required)
        return reject_missing(typed, task, column);
    if (is_empty && column->type != SL_COLUMN_STRING)
        *field = sl_nil();
    int r = is_empty ? 1 : parse(column->type, task->scratch, &text, field);
    if (r < 0)
        return sl_error_nomem(task->err);
    if (!r)
        return bad_value(typed, task, column, field);
    return column->required && field->tag == SL_NIL ? reject_missing(typed, task, column)
                                                    : 0; /* JSON's null */
}

int sl_typed_texts(const struct sl_typed *typed, struct sl_task *task, struct sl_field *fields)
{
    int r = 0;
    for (uint32_t i = 0; i < typed->count && r == 0; i++) {
        const struct sl_column *column = &typed->columns->column[i];
        bool is_plain = column->type == SL_COLUMN_STRING && !column->required;
        r = is_plain ? 0 : type_text(typed, task, column, &fields[i]);
    }
    return r;
}

/* ---- members of JSON objects ---- */

static bool fits(enum sl_column_type type, struct sl_field *value)
{
    switch (type) {
    case SL_COLUMN_ANY:
    case SL_COLUMN_JSON:
        return true;
    case SL_COLUMN_STRING:
        return value->tag == SL_STR;
    case SL_COLUMN_INT:
        return value->tag == SL_INT;
    case SL_COLUMN_DOUBLE:
        if (value->tag == SL_INT)
            *value = sl_number((double)value->integer);
        return value->tag == SL_FLOAT;
    case SL_COLUMN_BOOLEAN:
        return value->tag == SL_BOOL;
    case SL_COLUMN_TIMESTAMP:
        return value->tag == SL_INT || (value->tag == SL_STR && parse_timestamp(value, value));
    }
    return false;
}

static int type_member(const struct sl_typed *typed, struct sl_task *task, const struct sl_column *column,
                       const struct sl_field *member, struct sl_field *field)
{
    *field = member ? *member : sl_nil();
    bool is_text = field->tag == SL_STR;
    if (column->required && (field->tag == SL_NIL || (is_text && !field->len)))
        return reject_missing(typed, task, column);
    if (is_text && !field->len && column->type != SL_COLUMN_STRING && column->type != SL_COLUMN_JSON)
        *field = sl_nil();
    return field->tag == SL_NIL || fits(column->type, field) ? 0 : bad_value(typed, task, column, field);
}

int sl_typed_values(const struct sl_typed *typed, struct sl_task *task, const struct sl_field *values,
                    struct sl_field *fields)
{
    int r = 0;
    for (uint32_t i = 0; i < typed->count && r == 0; i++)
        r = type_member(typed, task, &typed->columns->column[i], &values[i], &fields[i]);
    return r;
}

int sl_typed_members(const struct sl_typed *typed, struct sl_task *task, const struct sl_field *object,
                     struct sl_field *fields)
{
    int r = 0;
    if (object->tag != SL_MAP)
        return sl_task_explain(task, "%s: an object is wanted, the value is of type %s", typed->format,
                               sl_tag_name((enum sl_tag)object->tag));
    for (uint32_t i = 0; i < typed->count && r == 0; i++) {
        const struct sl_column *column = &typed->columns->column[i];
        r = type_member(typed, task, column, sl_map_get(object, column->name, strlen(column->name)),
                        &fields[i]);
    }
    return r;
}
