/* Help for a terminal that is narrower than its lines.
 *
 * A line that is too long is broken at spaces. Of an item, as "  --once     runs one batch", the rest continues below the
 * explanation, which has lines of its own where it would begin too far to the right. A paragraph is filled anew. Code stays
 * as it is: lines that begin with four spaces or some more, and what follows "example:". */
#pragma once

#include "core/base/buf.h"

#include <stdio.h>

/* The columns of the terminal that `out` is; 0: it is none, or does not say, and text stays as it is. */
size_t sl_wrap_columns(FILE *out);

/* Appends the text as it is shown in so many columns. */
bool sl_wrap(struct sl_buf *buf, const char *text, size_t columns);
