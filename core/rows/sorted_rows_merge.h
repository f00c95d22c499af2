/* Two runs of keyed rows (core/rows/sorted_rows.h) become one: what the newer says of a key counts. */
#pragma once

#include "core/rows/dataset.h"

/* `oldest`: there are no older runs, so rows of removed keys are left out.
 * The pool helps with large runs; NULL: there is none. 0 or SL_ENOMEM. */
int sl_sorted_rows_merge(const struct sl_rows *old, const struct sl_rows *newer, bool oldest,
                         struct sl_pool *pool, struct sl_rows **ret);
