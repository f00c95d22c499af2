/* The positions of a received source in its log: what recovering the log restores of them, and what each of its segments
 * begins with. */
#pragma once

#include "receive/received.h"

/* For struct sl_received_positions; arg is the source. */
int sl_received_restore(void *arg, const struct sl_received_frame *frame, struct sl_error *err);
bool sl_received_snapshot(void *arg, struct sl_buf *ret);
/* The i-th of the operators of other positions, for struct sl_received_positions. */
bool sl_received_other(void *arg, size_t i, struct sl_received_frame *ret);
void sl_received_forget_others(struct sl_received *received);
/* After all frames: where the newest positions are another operator's, the log gets those of this one, as it had them before,
 * or none. */
int sl_received_take_over(struct sl_received *received, struct sl_error *err);
