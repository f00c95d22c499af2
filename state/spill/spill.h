/* core/rows/spill.h on files in a directory of their own. A file has no name from the moment it is open, so that
 * nothing is left however the process ends; what a crash between the two left is removed at the next
 * start. */
#pragma once

#include "core/base/io.h"
#include "core/rows/spill.h"

/* Files go to `dir` (relative to dirfd), which is made when it is first needed; `owned`: it is not shared,
 * so leftovers are removed now. The caller sets ret->bytes. */
int sl_spill_open(struct sl_io *io, int dirfd, const char *dir, bool owned, struct sl_spill **ret,
                  struct sl_error *err);
/* Runs that are still referenced stay readable. NULL is fine. */
void sl_spill_close(struct sl_spill *spill);

/* The first failure of a load since the last call, or 0. */
int sl_spill_failure(struct sl_spill *spill, struct sl_error *err);
