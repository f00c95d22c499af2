/* What a version changed against the one before: "+" new, "-" removed (the old row), "~" changed (the new row),
 * then a tab and the row as tsv.
 *
 * The key of a row is its first field. A row that is in both versions is not listed, whatever its position among the
 * rows of its key. Of the remaining rows of a key, the first old one counts as changed into the first new one, and so
 * on; rows left on one side are new or removed. A row of one field is only a key: it is added or removed, never changed.
 * The lines are in the order of keys. */
#pragma once

#include "core/base/buf.h"
#include "core/rows/dataset.h"

/* Appends the lines. before may be NULL: everything is new. False: out of memory. */
bool sl_changes_render(struct sl_dataset *rows, struct sl_dataset *before, struct sl_buf *buf);
