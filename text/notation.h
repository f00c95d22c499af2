/* How a language writes values down: JSON, Python's repr and Scala's toString differ in words and brackets
 * only, so a notation is a table of them and one walk serves all. */
#pragma once

#include "core/base/buf.h"
#include "core/rows/chunk.h"
#include "core/rows/field.h"

struct sl_notation {
    const char *nil, *true_, *false_;
    const char *list_open, *list_close;
    const char *map_open, *map_close;
    const char *separator; /* between items */
    const char *arrow;     /* between key and value */
    bool (*string)(struct sl_buf *buf, const struct sl_field *field, uint64_t *replaced);
    bool (*number)(struct sl_buf *buf, double number);
};

/* Appends the field. False: out of memory. *replaced (may be NULL) is added to where bytes were replaced. */
bool sl_notation_field(const struct sl_notation *notation, struct sl_buf *buf, const struct sl_field *field,
                       uint64_t *replaced);

/* A row on a line of its own: its only field as it is, several between open and close. */
bool sl_notation_rows(const struct sl_notation *notation, const char *open, const char *between,
                      const char *close, struct sl_buf *buf, const struct sl_chunk *chunk,
                      uint64_t *replaced);
