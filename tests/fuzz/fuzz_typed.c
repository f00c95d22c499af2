/* Any text becomes a value of the type of its column, nil, or a record error with a message; a timestamp is one of the
 * years 1 to 9999. The first byte is the type, with bit 6 the column is required, with bit 7 bad values are nil. A text that is
 * JSON is a member of an object, too, found by name and by column with the same result. */
#include "core/base/error.h"
#include "text/json.h"
#include "text/typed.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_type(enum sl_column_type type, const struct sl_field *field)
{
    static const uint8_t tags[] = {
        [SL_COLUMN_STRING] = SL_STR,   [SL_COLUMN_INT] = SL_INT,       [SL_COLUMN_DOUBLE] = SL_FLOAT,
        [SL_COLUMN_BOOLEAN] = SL_BOOL, [SL_COLUMN_TIMESTAMP] = SL_INT,
    };
    bool is_any = type == SL_COLUMN_JSON || type == SL_COLUMN_ANY;
    if (!is_any && field->tag != SL_NIL && field->tag != tags[type])
        abort();
}

static void check_result(const struct sl_typed *typed, const struct sl_task *task, int r,
                         const struct sl_field *field)
{
    const struct sl_column *column = &typed->columns->column[0];
    if (r == 0)
        check_type(column->type, field);
    else if (r != SL_EREJECT || !task->message[0] || (typed->bad_is_nil && !column->required))
        abort();
}

static void check_member(const struct sl_typed *typed, struct sl_task *task, const uint8_t *text, size_t len)
{
    struct sl_field value, pair[2] = {sl_string("c", 1)}, by_name, by_column;
    const char *message;
    size_t at;
    if (sl_json_parse(task->scratch, text, len, &value, &message, &at) < 0)
        return;
    pair[1] = value;
    const struct sl_field object = {.tag = SL_MAP, .len = 1, .items = pair};
    int r = sl_typed_members(typed, task, &object, &by_name);
    check_result(typed, task, r, &by_name);
    if (sl_typed_values(typed, task, &value, &by_column) != r ||
        (r == 0 && !sl_field_looks_same(&by_name, &by_column)))
        abort();
    if (value.tag != SL_MAP && sl_typed_members(typed, task, &value, &by_name) != SL_EREJECT)
        abort();
}

static void check_timestamp(const uint8_t *text, size_t len)
{
    int64_t ms;
    if (sl_typed_timestamp(text, len, &ms) &&
        (ms < INT64_C(-62135683200000) || ms > INT64_C(253402387200000)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sl_arena arena;
    struct sl_error err;
    struct sl_task task = {.scratch = &arena, .err = &err};
    if (!size)
        return 0;
    sl_arena_init(&arena);
    enum sl_column_type type = (enum sl_column_type)((data[0] & 63) % (SL_COLUMN_JSON + 1));
    struct sl_columns *columns = sl_columns_new(&arena, 1);
    uint8_t *text = malloc(size);
    if (!columns || !text)
        abort();
    memcpy(text, data + 1, size - 1);
    columns->column[0] = (struct sl_column){"c", type, data[0] & 64};
    const struct sl_typed typed = {columns, 1, data[0] & 128, "csv"};
    struct sl_field field = sl_string(text, size - 1);
    check_result(&typed, &task, sl_typed_texts(&typed, &task, &field), &field);
    check_member(&typed, &task, text, size - 1);
    check_timestamp(text, size - 1);
    free(text);
    sl_arena_done(&arena);
    return 0;
}
