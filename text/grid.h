/* A table of text, as Spark's df.show() prints a DataFrame: every column as wide as its widest value.
 *
 * sl_grid_init; sl_grid_names once, sl_grid_row any number of times; sl_grid_print; sl_grid_done. */
#pragma once

#include "core/base/buf.h"
#include "core/rows/field.h"

struct sl_grid {
    uint32_t columns;
    uint32_t cut;       /* values of more characters are cut, and columns are flush right; 0: neither */
    bool is_safe;       /* for a terminal: control characters are escaped */
    size_t rows;        /* the names are the first */
    struct sl_buf text; /* the cells one after the other */
    struct sl_buf ends; /* size_t each: where a cell ends in text */
    uint32_t width[64]; /* of the columns, in half-width characters */
};

void sl_grid_init(struct sl_grid *grid, uint32_t columns, uint32_t cut, bool is_safe);
void sl_grid_done(struct sl_grid *grid);
/* False: out of memory. names: NULL: _1, _2 ... Fields that a row lacks are empty. */
bool sl_grid_names(struct sl_grid *grid, const char *const *names);
bool sl_grid_row(struct sl_grid *grid, const struct sl_field *fields, uint32_t width);
bool sl_grid_print(const struct sl_grid *grid, struct sl_buf *to);
