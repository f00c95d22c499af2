/* "json": a line is the value of a one-field record, or an array of the fields. */
#include "text/format_list.h"

#include "text/json.h"

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

const struct sl_format sl_format_json = {
    .name = "json",
    .summary = "a JSON value a line; records of several fields are arrays",
    .rows = json_rows,
};
