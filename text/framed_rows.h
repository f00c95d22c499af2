/* Rows on their way from lanes to a thread that writes them in order, as bytes: each with where it comes from, so
 * that it can still be rejected there. They are read by the process that wrote them. */
#pragma once

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/rows/chunk.h"

/* In front of each row's fields, which text/row_codec.h writes; multiples of eight bytes. */
struct sl_framed_row {
    const struct sl_origin *origin;
    uint32_t line, ordinal; /* of its task: together they say where it comes from */
    uint64_t bytes;         /* of the fields */
};

/* Appends a row of a chunk; ordinal is its task's. False: out of memory. */
bool sl_framed_row_append(struct sl_buf *buf, uint32_t ordinal, const struct sl_chunk *chunk, uint32_t row);
/* The bytes of the row at `at`, all in all. */
size_t sl_framed_row_size(const uint8_t *at);
/* The row at *at, which moves past it; strings point into the bytes. False: out of memory. */
bool sl_framed_row_read(const uint8_t *bytes, size_t len, size_t *at, struct sl_arena *arena,
                        struct sl_framed_row *head, struct sl_field fields[SL_WIDTH_MAX],
                        uint32_t *ret_width);
