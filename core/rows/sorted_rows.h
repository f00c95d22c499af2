/* Keyed rows that change from batch to batch: revisions that share immutable sorted runs.
 *
 * A revision is a list of runs, the oldest and largest first; in each the rows are in the order of keys, no
 * key twice. Row (key, field...) is what the key has, row (key) alone says that it was removed; the newest run
 * that has a key decides. A batch adds one run, of what it changed. Neighbours are merged so that each run is
 * at least twice as large as the next: what a batch costs is its changes times the logarithm of the whole,
 * and now and then a merge of all. A reader of a revision (sl_dataset_resolve) merges its runs on its own thread;
 * the next one then begins with the result.
 *
 * Belongs to one thread; the datasets it gives do not. */
#pragma once

#include "core/rows/dataset.h"

enum { SL_KEYED_RUNS_MAX = 64 };

struct sl_sorted_rows {
    size_t runs;
    struct sl_rows *run[SL_KEYED_RUNS_MAX]; /* references, oldest first */
    uint64_t revisions;                     /* so far */
    struct sl_dataset *newest;              /* NULL: none yet */
};

void sl_sorted_rows_done(struct sl_sorted_rows *keyed);

/* The next revision: `changes` as above, whose reference is taken over; `count` keys are there afterwards.
 * `pool` may be NULL. 0 or SL_ENOMEM. */
int sl_sorted_rows_add(struct sl_sorted_rows *keyed, struct sl_pool *pool, struct sl_rows *changes,
                       uint64_t count);

/* All keys that are there, as a new run. 0 or SL_ENOMEM. */
int sl_sorted_rows_rows(const struct sl_sorted_rows *keyed, struct sl_rows **ret);
