/* Counters of a job: what its functions count, exactly once a record of a committed batch. sluice.counter and Spark's
 * accumulators are made of them.
 *
 *     sl_counter_declare(context, name, initial)    at any time, in any thread; the number of a name does not change
 *     sl_counters_add(task, number, &value)         in functions; on the main thread with services->main_task
 *     sl_counters_reset(run)                        a batch begins, or begins anew: nothing was counted
 *     sl_counters_gather(run, &err)                 before the commit: run->counters_next are the totals with this batch
 *     sl_counters_committed(run)                    they are the totals
 *
 * Each worker counts for itself; sums of integers and of floats are exact until they are rounded, once a batch, so
 * that neither the workers nor their order matter. */
#pragma once

#include "engine/batch/run.h"
#include "state/catalog/counters.h"

enum { SL_COUNTERS_MAX = 1000 };

/* The number of the counter of that name, which is made if there is none. SL_EUSAGE: there are SL_COUNTERS_MAX;
 * SL_ENOMEM. */
int sl_counter_declare(struct sl_context *context, const char *name, struct sl_field initial);
/* The total of committed batches. */
struct sl_field sl_counter_value(struct sl_context *context, size_t number);

int sl_counters_open(struct sl_run *run, struct sl_error *err);
void sl_counters_close(struct sl_run *run);
/* After the catalog was opened. */
int sl_counters_load(struct sl_run *run, struct sl_error *err);

/* value: an integer or a float. 0 or SL_ENOMEM. */
int sl_counters_add(struct sl_task *task, size_t number, const struct sl_field *value);

/* The total that the task's worker has counted in the batch: 1, and its row encoding, made in scratch; 0: nothing was
 * counted. And such a total of another process, added here. 0, SL_EDAMAGED or SL_ENOMEM. */
int sl_counters_encode(struct sl_task *task, size_t number, struct sl_field *ret);
int sl_counters_add_total(struct sl_task *task, size_t number, const struct sl_field *encoded);

void sl_counters_reset(struct sl_run *run);
uint64_t sl_counters_replaced(const struct sl_run *run); /* of the batch so far: struct sl_task, replaced */
int sl_counters_gather(struct sl_run *run, struct sl_error *err);
void sl_counters_committed(struct sl_run *run);
