/* Windows and sessions that a batch leaves out because of a group error, as rows (start, stop, key): openWindows() forgets what
 * it showed of them. What exceeds memoryLimit is on disk (core/contract/row_buffer.h).
 *
 * init; add, by any worker; dataset; done. The order of the rows depends on the workers. */
#pragma once

#include "core/contract/row_buffer.h"

#include <pthread.h>

struct sl_left_out {
    bool ready;
    pthread_mutex_t lock; /* guards the rows while they are added */
    struct sl_row_buffers buffers;
    struct sl_row_buffer rows;
};

int sl_left_out_init(struct sl_left_out *left, const struct sl_stage *stage); /* 0 or SL_ENOMEM */
void sl_left_out_done(struct sl_left_out *left);                              /* cleared memory is fine */

/* Copies the key. 0, or a failure. */
int sl_left_out_add(struct sl_left_out *left, struct sl_task *task, int64_t start, int64_t stop,
                    const struct sl_field *key);
/* NULL: nothing was left out. 0 or SL_ENOMEM. */
int sl_left_out_dataset(const struct sl_left_out *left, struct sl_dataset **ret);
