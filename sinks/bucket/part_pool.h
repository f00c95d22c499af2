/* Memory for parts that are gathered and sent, shared by all uploads of the process: the kernel clears fresh memory, which takes
 * longer than all else that becomes of a part's bytes here, and outputs that write at the same time would have five buffers each.
 *
 * A taker waits while SL_PART_POOL_SENDING buffers or more are being sent. It does not wait for those that are being filled, for it may be
 * the taker itself that fills them. Any thread may call these. */
#pragma once

#ifdef SLUICE_HAS_S3

#include "core/base/buf.h"

enum { SL_PART_POOL_SENDING = 6 };

/* An upload uses the pool from open to close. When the last one closes it, spare memory is freed. */
void sl_part_pool_open(void);
void sl_part_pool_close(void);

/* An empty buffer, which may have no memory yet; the caller's until sl_part_pool_give. */
struct sl_buf sl_part_pool_take(void);
/* It is full, and is given back when it is sent, whatever comes of it. */
void sl_part_pool_begin_sending(void);
/* was_sent: sl_part_pool_begin_sending was called for it. */
void sl_part_pool_give(struct sl_buf *bytes, bool was_sent);

#endif
