/* What a version changed against the one before: "+" new, "-" gone (the old row), "~" changed (the new row),
 * then a tab and the row as tsv.
 *
 * The key of a row is its first field. Rows of one key are compared in order, the first with the first and so
 * on; what is left over on one side is new or gone. A row of one field is all key: it can only come and go.
 * The lines are in the order of keys. */
#pragma once

#include "core/buf.h"
#include "core/dataset.h"

/* Appends the lines. before may be NULL: everything is new. False: out of memory. */
bool sl_changes_render(struct sl_dataset *rows, struct sl_dataset *before, struct sl_buf *buf);
