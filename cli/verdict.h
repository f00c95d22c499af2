/* What has become of one file: the answer of `sluice why`, and what `sluice wait` waits for. */
#pragma once

#include "cli/inquiry.h"
#include "core/base/buf.h"

enum sl_verdict {
    SL_VERDICT_TAKEN,       /* in a committed batch */
    SL_VERDICT_QUARANTINED, /* in a committed batch */
    SL_VERDICT_PLANNED,     /* in a batch that is not committed yet */
    SL_VERDICT_NEVER,       /* no batch will take it as it is */
    SL_VERDICT_LATER,       /* one of the next batches will, or may */
    SL_VERDICT_ABSENT,      /* there is no such file, and no batch knows one */
};

/* Looks at the catalog (reading NULL: there is none yet) and at the file. Appends one line for people without
 * newline; *ret_batch: of the first three verdicts. */
int sl_verdict_of(struct sl_inquiry *inquiry, struct sl_reading *reading, struct sl_buf *text,
                  enum sl_verdict *ret, int64_t *ret_batch, struct sl_error *err);
