/* "json": a line is the value of a one-field record, or an array of the fields; an object where the columns have names. */
#include "text/format_list.h"

#include "core/base/error.h"
#include "text/json.h"

#include <string.h>

static bool wide_row(struct sl_buf *buf, const struct sl_chunk *chunk, uint32_t row, uint64_t *replaced)
{
    for (uint32_t c = 0; c < chunk->width; c++)
        if (!sl_buf_byte(buf, c ? ',' : '[') || !sl_json_field(buf, &chunk->column[c][row], replaced))
            return false;
    return sl_buf_append(buf, "]\n", 2);
}

static bool json_rows(struct sl_buf *buf, const struct sl_chunk *chunk, uint64_t *replaced)
{
    for (uint32_t row = 0; row < chunk->rows; row++)
        if (chunk->width == 1
                ? !sl_json_field(buf, &chunk->column[0][row], replaced) || !sl_buf_byte(buf, '\n')
                : !wide_row(buf, chunk, row, replaced))
            return false;
    return true;
}

/* In the order of the columns, which is not that of a map. */
static bool object_row(struct sl_buf *buf, const struct sl_chunk *chunk, uint32_t row,
                       const struct sl_columns *columns, uint64_t *replaced)
{
    for (uint32_t c = 0; c < chunk->width; c++) {
        const char *name = columns->column[c].name;
        if (!sl_buf_byte(buf, c ? ',' : '{') || !sl_json_text(buf, name) || !sl_buf_byte(buf, ':') ||
            !sl_json_field(buf, &chunk->column[c][row], replaced))
            return false;
    }
    return sl_buf_append(buf, "}\n", 2);
}

static bool json_named_rows(struct sl_buf *buf, const struct sl_chunk *chunk,
                            const struct sl_columns *columns, uint64_t *replaced)
{
    sl_assert(chunk->width == columns->count);
    for (uint32_t row = 0; row < chunk->rows; row++)
        if (!object_row(buf, chunk, row, columns, replaced))
            return false;
    return true;
}

const struct sl_format sl_format_json = {
    .name = "json",
    .summary =
        "a JSON value a line; records of several fields are arrays, or objects where the columns have names",
    .rows = json_rows,
    .named_rows = json_named_rows,
};
