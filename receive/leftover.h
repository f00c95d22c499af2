/* Received logs of sources that the job does not have any more. */
#pragma once

#include "core/base/buf.h"
#include "core/base/io.h"
#include "core/base/log.h"

/* Records in the log of the source `name` that no batch has used, whose newest committed range is `reached` (empty:
 * none is known). 0 where there is no log. */
int sl_received_leftover(struct sl_io *io, const char *checkpoint, const char *name,
                         const struct sl_buf *reached, uint64_t *ret, struct sl_error *err);
/* Whether a range of a received log ends after another one; `than` empty: after nothing. */
bool sl_received_is_further(const struct sl_buf *range, const struct sl_buf *than);
int sl_received_drop_log(struct sl_io *io, const char *checkpoint, const char *name, struct sl_error *err);
