/* Work that a stage spreads over the workers itself, when its lanes have ended. */
#pragma once

#include "core/contract/operator.h"

/* Runs work(arg, 0), work(arg, 1) ... as a run of the pool (core/base/pool.h). The task is of the worker: its err is
 * the call's own, and its ordinal says that what it rejects comes after all partitions of the input. */
int sl_stage_run(struct sl_stage *stage, size_t count,
                 int (*work)(void *arg, size_t number, struct sl_task *task), void *arg);

/* Makes rows in pieces, each by one call, and appends them in the order of the pieces to partition 0 of *dataset, which is
 * made where it is NULL. Every rows has a reference to `memory`, which may be NULL. On failure *dataset may
 * have some of them. */
int sl_stage_gather(struct sl_stage *stage, size_t pieces,
                    int (*work)(void *arg, size_t piece, struct sl_task *task, struct sl_rows *rows),
                    void *arg, struct sl_memory *memory, struct sl_dataset **dataset);
