/* timestamp(...) as operators use it that want a time and no record: withWatermark. */
#pragma once

#include "core/contract/function.h"
#include "text/time_format.h"

/* Whether fn is one made by timestamp(...). */
bool sl_timestamp_is(const struct sl_function *fn);
/* The time in a row of the chunk: 0, or SL_EREJECT with a message. The memo is the caller's, zeros at first. */
int sl_timestamp_row(const struct sl_function *fn, struct sl_task *task, struct sl_time_memo *memo,
                     const struct sl_chunk *in, uint32_t row, int64_t *ret_ms);
