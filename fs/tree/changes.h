/* What a version changed against the one before: "+" new, "-" gone (the old row), "~" changed (the new row),
 * then a tab and the row as tsv.
 *
 * The key of a row is its first field. A row that is in both versions is not mentioned, whatever its place
 * among the rows of its key. Of the others the first one of a key was changed into the first one, and so on;
 * what is left over on one side is new or gone. A row of one field is all key: it can only come and go. The
 * lines are in the order of keys. */
#pragma once

#include "core/base/buf.h"
#include "core/rows/dataset.h"

/* Appends the lines. before may be NULL: everything is new. False: out of memory. */
bool sl_changes_render(struct sl_dataset *rows, struct sl_dataset *before, struct sl_buf *buf);
