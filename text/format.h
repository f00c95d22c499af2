/* Output formats: rows to bytes (docs/manual.md, "Outputs"). One descriptor per format,
 * one line in text/formats.c.
 *
 * A format writes whole lines, newline included. It never fails on a value: what a format cannot show
 * it is written as docs/manual.md, "Outputs" says (invalid UTF-8 in JSON becomes U+FFFD and is
 * counted in `replaced`). */
#pragma once

#include "core/base/buf.h"
#include "core/contract/columns.h"
#include "core/rows/chunk.h"

struct sl_format {
    const char *name;    /* "tsv" */
    const char *summary; /* one line */
    bool one_field;      /* rows must have one field: others are record errors of the output ("lines") */
    /* Appends every row of the chunk. False: out of memory. *replaced is added to. */
    bool (*rows)(struct sl_buf *buf, const struct sl_chunk *chunk, uint64_t *replaced);
    /* The line that names the columns, for opts.header; NULL: as a row of strings through rows(). */
    bool (*header)(struct sl_buf *buf, const struct sl_field *names, uint32_t count);
    /* Optional: rows() where the columns have names, which the format writes with each row. */
    bool (*named_rows)(struct sl_buf *buf, const struct sl_chunk *chunk, const struct sl_columns *columns,
                       uint64_t *replaced);
};

/* All formats in the order help shows them, ends with NULL. */
extern const struct sl_format *const sl_formats[];
const struct sl_format *sl_format_find(const char *name, size_t len);

/* One field as tsv text, without tab or newline: key names of the mount, error messages. *replaced: as for
 * sl_json_field, for lists and maps. */
bool sl_tsv_field(struct sl_buf *buf, const struct sl_field *field, uint64_t *replaced);
