/* The groups that a window holds, beyond memoryLimit: sorted groups (ops/key/sorted_groups.h) whose rows are on disk, and
 * what is done with groups that are in memory or there.
 *
 * A window without an inverse is made of sorted runs of groups: one for every batch, and the combinations of them
 * (ops/window/partials.h). All are immutable, and are only read in the order of keys. So any of them may be on disk:
 *
 *     sl_group_store_put       writes groups to disk, for all references to them
 *     sl_group_store_combine   two that fit together are combined in memory, others by a merge that reads both once and
 *                              writes the result, on all workers, by ranges of keys
 *     sl_group_store_finish    the rows that are shown; of groups on disk they are on disk, too
 *
 * Which values are combined with which is the same in memory and on disk, so the bytes of a result do not depend on the
 * limit. The operator writes down everything when it holds too much together (ops/window/window_reduce.c).
 *
 * Groups of many batches share a file, so that descriptors do not grow with the window: a file that has its size is left to
 * the runs in it, and the next one opened. */
#pragma once

#include "core/contract/operator.h"
#include "core/contract/reducer.h"
#include "core/rows/spill.h"
#include "ops/key/sorted_groups.h"

struct sl_group_store {
    struct sl_spill *spill; /* NULL: there is no limit, everything stays in memory */
    unsigned workers;
    struct sl_spill_file **file; /* [workers], NULL until needed */
    size_t share; /* bytes that all workers may hold, once; the limits below are multiples and parts of it */
    size_t held;  /* bytes in memory, since they were counted by the operator: combinations are added */
};

/* What a window may hold in memory: two of the shares of its operator. */
static inline size_t sl_group_store_bytes_max(const struct sl_group_store *store)
{
    return 2 * store->share;
}

/* Any number of times; without services or a limit nothing is ever written. 0 or SL_ENOMEM. */
int sl_group_store_open(struct sl_group_store *store, const struct sl_stage *stage);
void sl_group_store_close(struct sl_group_store *store);
/* Once a batch: files that have their size are left. */
void sl_group_store_tidy(struct sl_group_store *store);

/* About what the groups take in memory; those on disk: 0. */
size_t sl_group_store_bytes(const struct sl_sorted_groups *groups);

/* Writes the groups to disk, and gives their memory back. Those that are there, or take little, stay as they are. */
int sl_group_store_put(struct sl_group_store *store, struct sl_stage *stage, const struct sl_reducer *reducer,
                       struct sl_sorted_groups *groups);
/* Groups of rows (key, state), or (key, what is known of it, true), in the order of keys; borrowed. With a store they are on
 * disk where the rows are, else in memory. */
int sl_group_store_read(struct sl_group_store *store, struct sl_stage *stage,
                        const struct sl_reducer *reducer, const struct sl_dataset *rows,
                        struct sl_sorted_groups **ret);
/* As sl_sorted_groups_combine. */
int sl_group_store_combine(struct sl_group_store *store, struct sl_stage *stage,
                           const struct sl_reducer *reducer, struct sl_sorted_groups *a,
                           struct sl_sorted_groups *b, struct sl_sorted_groups **ret);
/* As sl_sorted_groups_finish. */
int sl_group_store_finish(struct sl_group_store *store, struct sl_stage *stage,
                          const struct sl_reducer *reducer, struct sl_sorted_groups *groups,
                          enum sl_result_form shape, struct sl_dataset **ret);
