/* "lines": records of one field, without escapes: strings as they are, lists and maps as JSON, others as in
 * tsv. */
#include "text/format_list.h"

#include "core/base/error.h"
#include "text/json.h"

static bool line(struct sl_buf *buf, const struct sl_field *field, uint64_t *replaced)
{
    if (field->tag == SL_STR)
        return sl_buf_append(buf, field->str, field->len);
    if (field->tag == SL_LIST || field->tag == SL_MAP)
        return sl_json_field(buf, field, replaced);
    return sl_tsv_field(buf, field, replaced);
}

static bool lines_rows(struct sl_buf *buf, const struct sl_chunk *chunk, uint64_t *replaced)
{
    sl_assert(chunk->rows == 0 || chunk->width == 1);
    for (uint32_t row = 0; row < chunk->rows; row++) {
        if (!line(buf, &chunk->column[0][row], replaced) || !sl_buf_byte(buf, '\n'))
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
