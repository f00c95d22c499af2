/* The positions of a received source in its log: what recovering the log restores of them, and what each of its segments
 * begins with. */
#pragma once

#include "receive/received.h"

/* For struct sl_received_positions; arg is the source. */
int sl_received_restore(void *arg, const struct sl_frame *frame, struct sl_error *err);
bool sl_received_snapshot(void *arg, struct sl_buf *ret);
/* After all frames: where the newest positions are another operator's, the log gets those of this one, as it had them before,
 * or none. */
int sl_received_take_over(struct sl_received *received, struct sl_error *err);
