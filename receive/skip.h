/* Leaving out what a planned batch was to read: for sluice reset --skip. */
#pragma once

#include "core/base/buf.h"
#include "core/base/error.h"

/* The document of a range of a received log or of Kafka as one that reads nothing and ends where it ended, appended to
 * ret, and how many numbers it held. Nothing is appended where the range is that of another source. */
int sl_received_skip(const struct sl_buf *range, struct sl_buf *ret, uint64_t *ret_count,
                     struct sl_error *err);
