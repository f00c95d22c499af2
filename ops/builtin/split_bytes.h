/* Cutting text at a one-byte separator: the hot loop of word counts.
 *
 * Rows [*row, in->rows) of a chunk whose first column holds text are cut, every piece (empty ones too) is a
 * one-field row added to `out`. It ends before the first field that is no string: *row is then that row, else
 * in->rows. Returns 0, or a failure of `out`. All ways give the same; the plain one is what the others are
 * tested against. */
#pragma once

#include "core/rows/chunk.h"

typedef int sl_split_bytes_fn(const struct sl_chunk *in, uint8_t separator, struct sl_builder *out,
                              uint32_t *row);

sl_split_bytes_fn sl_split_bytes_fn_plain;

/* The fastest this CPU can run. */
sl_split_bytes_fn *sl_split_bytes_fn_best(void);
