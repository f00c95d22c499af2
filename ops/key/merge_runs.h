/* Sorted runs on disk (core/rows/spill.h) read as one: rows in the order of their first field; rows with equal
 * keys in the order of the runs, and of a run in the order they have there.
 *
 * To share the work out, sl_merge_cut finds keys that cut the runs into ranges of about the same size;
 * whatever is equal falls into one range. A merge holds a block of every run, so there may be too many runs
 * to read at once: sl_merge_fewer first makes fewer of them. */
#pragma once

#include "core/contract/operator.h"
#include "core/rows/spill.h"

struct sl_spilled_reader;

struct sl_merge {
    bool descending;
    const struct sl_field *to; /* the first key that does not belong here; NULL: there is none */
    size_t readers, live;      /* live: of heap[] */
    struct sl_spilled_reader *reader;
    struct sl_spilled_reader **heap;
    struct sl_spilled_reader *last; /* gave the last row */
};

/* Rows with keys in [from, to), NULL: from the beginning, to the end. Both must outlive the merge. */
int sl_merge_open(struct sl_merge *merge, struct sl_stored *const *run, size_t runs, bool descending,
                  const struct sl_field *from, const struct sl_field *to, struct sl_error *err);
void sl_merge_close(struct sl_merge *merge);
/* 1 and a row, borrowed until the next call, 0 at the end, or a failure. */
int sl_merge_next(struct sl_merge *merge, struct sl_field *fields, uint32_t *ret_width, struct sl_error *err);

/* Receives all rows of a key. */
struct sl_gatherer {
    void (*begin)(void *arg);                       /* forgets the key before */
    const struct sl_field *(*key)(const void *arg); /* of the rows so far; NULL: there are none */
    int (*add)(void *arg, const struct sl_field *row);
    int (*end)(void *arg); /* the key is complete; it may have no rows */
};

/* Hands all rows over, key by key. 0, SL_ESTOP where the task is to stop, or the first failure. */
int sl_merge_gather(struct sl_merge *merge, struct sl_task *task, const struct sl_gatherer *gatherer,
                    void *arg);

/* Up to `cuts` keys in order, into key[cuts] and the arena; how many in *ret_cuts. */
int sl_merge_cut(struct sl_stored *const *run, size_t runs, bool descending, size_t cuts,
                 struct sl_arena *arena, struct sl_field *key, size_t *ret_cuts, struct sl_error *err);

/* Merges neighbours on the stage's workers until there are at most `runs_max` runs: run[] and *runs change,
 * and what was merged is freed. */
int sl_merge_fewer(struct sl_stage *stage, struct sl_spill *spill, struct sl_stored **run, size_t *runs,
                   size_t runs_max, bool descending);
