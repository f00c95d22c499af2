/* The sorted runs on disk (core/rows/spill.h) of an operator that does not fit into memory: where workers
 * write them, and in which order they are read.
 *
 * A worker writes rows to its file (sl_spilled_runs_file) and ends a run with sl_spilled_runs_end. When all
 * are written, sl_spilled_runs_merge reads them as one on all workers and makes a dataset of what comes out,
 * which is on disk too. */
#pragma once

#include "core/contract/operator.h"
#include "core/rows/spill.h"
#include "ops/key/merge_runs.h"

#include <pthread.h>

struct sl_spilled_run {
    struct sl_stored *stored;
    struct sl_position position; /* of the lane whose rows they are */
    uint32_t number;             /* of the lane's runs */
};

struct sl_spilled_runs {
    struct sl_stage *stage;
    struct sl_spill *spill;      /* NULL: there is no limit, everything stays in memory */
    struct sl_spill_file **file; /* [workers], NULL until needed */
    /* [workers], borrowed: what the merged rows are written to; NULL: files of their own. */
    struct sl_spill_file **result_file;
    pthread_mutex_t lock; /* guards all below while lanes are open */
    struct sl_spilled_run *run;
    size_t count, capacity;
};

/* Without services, a limit or an operator that is bounded, nothing is ever written. 0 or SL_ENOMEM. */
int sl_spilled_runs_init(struct sl_spilled_runs *runs, struct sl_stage *stage);
void sl_spilled_runs_done(struct sl_spilled_runs *runs);

/* What all workers together may hold. */
size_t sl_spilled_runs_bytes(const struct sl_spilled_runs *runs);

int sl_spilled_runs_file(struct sl_spilled_runs *runs, struct sl_task *task, struct sl_spill_file **ret);
/* What the worker wrote since is a run. */
int sl_spilled_runs_end(struct sl_spilled_runs *runs, struct sl_task *task,
                        const struct sl_position *position, uint32_t number);

/* Moves all runs of `from` to `to`. 0 or SL_ENOMEM. */
int sl_spilled_runs_adopt(struct sl_spilled_runs *to, struct sl_spilled_runs *from);

/* Writes what becomes of the rows of one range of keys to `file`. */
typedef int sl_spilled_runs_write(void *arg, struct sl_merge *merge, struct sl_task *task,
                                  struct sl_spill_file *file);

/* A dataset of one partition; the runs are freed. */
int sl_spilled_runs_merge(struct sl_spilled_runs *runs, bool descending, sl_spilled_runs_write *write,
                          void *arg, struct sl_dataset **ret);

/* The same of runs that stay, equal keys in the order of the runs. file: NULL, or [workers] to write to, opened where they
 * are NULL. */
int sl_stored_runs_merge(struct sl_stage *stage, struct sl_spill *spill, struct sl_stored *const *run,
                         size_t count, bool descending, struct sl_spill_file **file,
                         sl_spilled_runs_write *write, void *arg, struct sl_dataset **ret);
