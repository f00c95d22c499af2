/* Rows as text with a byte between fields and a newline after each row: csv and tsv. */
#pragma once

#include "core/base/buf.h"
#include "core/base/fetch.h"
#include "core/rows/chunk.h"

/* Sorted rows point to strings anywhere in memory: they are on their way while the rows
 * before are written. */
SL_FETCH sl_separated_fetch(const struct sl_field *field)
{
    if (field->tag != SL_STR || !field->len)
        return;
    __builtin_prefetch(field->str);
    __builtin_prefetch(field->str + field->len - 1);
}

enum { SL_SEPARATED_AHEAD = 16 }; /* rows */

/* `field` appends one field, and adds to *replaced what JSON in it replaced. Inline, so that each format has
 * a loop of its own. False: out of memory. */
static inline bool sl_separated_rows(struct sl_buf *buf, const struct sl_chunk *chunk, uint64_t *replaced,
                                     bool (*field)(struct sl_buf *, const struct sl_field *, uint64_t *),
                                     uint8_t separator)
{
    for (uint32_t row = 0; row < chunk->rows; row++)
        for (uint32_t c = 0; c < chunk->width; c++) {
            if (row + SL_SEPARATED_AHEAD < chunk->rows)
                sl_separated_fetch(&chunk->column[c][row + SL_SEPARATED_AHEAD]);
            if (!field(buf, &chunk->column[c][row], replaced) ||
                !sl_buf_byte(buf, c + 1 < chunk->width ? separator : '\n'))
                return false;
        }
    return true;
}
