/* "lines": records of one field; strings as they are, other values as in tsv. */
#include "text/format_list.h"

#include "core/error.h"

static bool lines_rows(struct sl_buf *buf, const struct sl_chunk *chunk, uint64_t *replaced)
{
    (void)replaced; /* bytes stay what they are */
    sl_assert(chunk->rows == 0 || chunk->width == 1);
    for (uint32_t row = 0; row < chunk->rows; row++) {
        const struct sl_field *field = &chunk->column[0][row];
        bool written =
            field->tag == SL_STR ? sl_buf_append(buf, field->str, field->len) : sl_tsv_field(buf, field);
        if (!written || !sl_buf_byte(buf, '\n'))
            return false;
    }
    return true;
}

const struct sl_format sl_format_lines = {
    .name = "lines",
    .summary = "one field, its bytes as they are",
    .one_field = true,
    .rows = lines_rows,
};
