/* Any text becomes a value of the type of its column, nil, or a record error with a message; a timestamp is one of the
 * years 1 to 9999. The first byte is the type. */
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
    if (type != SL_COLUMN_JSON && field->tag != SL_NIL && field->tag != tags[type])
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sl_arena arena;
    struct sl_error err;
    struct sl_task task = {.scratch = &arena, .err = &err};
    int64_t ms;
    if (!size)
        return 0;
    sl_arena_init(&arena);
    enum sl_column_type type = (enum sl_column_type)(SL_COLUMN_STRING + data[0] % 6);
    struct sl_columns *columns = sl_columns_new(&arena, 1);
    uint8_t *text = malloc(size);
    if (!columns || !text)
        abort();
    memcpy(text, data + 1, size - 1);
    columns->column[0] = (struct sl_column){"c", type, data[0] & 64};
    struct sl_typed typed = {columns, 1, data[0] & 128, "csv"};
    struct sl_field field = sl_string(text, size - 1);
    int r = sl_typed_texts(&typed, &task, &field);
    if (r == 0)
        check_type(type, &field);
    else if (r != SL_EREJECT || !task.message[0] || (typed.bad_is_nil && !columns->column[0].required))
        abort();
    if (sl_typed_timestamp(text, size - 1, &ms) &&
        (ms < INT64_C(-62135683200000) || ms > INT64_C(253402387200000)))
        abort();
    free(text);
    sl_arena_done(&arena);
    return 0;
}
