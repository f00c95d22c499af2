/* Worker threads: N workers, of which the caller of sl_pool_run is number 0. One run at a time.
 *
 * Tasks are taken in order from one counter, so a worker sees its tasks in increasing order. The run ends
 * when all tasks were done or one failed; then no new ones are taken, and the failure of the lowest task
 * number is what sl_pool_run returns with its error. */
#pragma once

#include "core/base/error.h"

#include <stddef.h>

struct sl_pool;

struct sl_pool *sl_pool_new(unsigned workers, struct sl_error *err);
void sl_pool_free(struct sl_pool *pool);
unsigned sl_pool_workers(const struct sl_pool *pool);

int sl_pool_run(struct sl_pool *pool, size_t tasks,
                int (*work)(void *arg, size_t task, unsigned worker, struct sl_error *err), void *arg,
                struct sl_error *err);
