/* Partial results over aligned blocks of batches: how a window without an inverse costs a few merges a slide,
 * however long it is.
 *
 * Batches are numbered by their time (t / slide of the input). A block of level k covers 2^k batches and
 * begins at a multiple of 2^k; it is made of its two halves when it is first wanted, and kept while it is
 * in the window.
 *
 * A window is split at its number with the most trailing zero bits. What is before it is cut into the
 * largest aligned blocks, whose combinations up to the split are kept as a stack: when the window moves on,
 * the first are dropped and a few new ones are added, one or two a slide on the average. What is after it grows batch
 * by batch. So a slide combines the two sides and little more, and how values are associated depends on batch
 * times only. Batches without data cost nothing.
 *
 * What is held may be on disk (ops/window/group_store.h). */
#pragma once

#include "ops/window/group_store.h"

enum { SL_BLOCK_LEVELS = 40 };

struct sl_partials_level {
    int64_t first; /* number of block[0], in blocks of this level */
    size_t count, capacity;
    struct sl_window_partial {
        struct sl_sorted_groups *groups; /* NULL: no data, or not made yet */
        bool made;
    } * block;
};

enum { SL_SUFFIXES_MAX = 2 * SL_BLOCK_LEVELS };

struct sl_window_partials {
    int64_t split; /* of the window asked for last */
    bool has_split;
    size_t suffixes;
    struct sl_suffix {
        int64_t from;
        struct sl_sorted_groups *groups; /* of batches [from, split); NULL: no data */
    } suffix[SL_SUFFIXES_MAX];           /* the shortest first */
    int64_t prefix_to;
    struct sl_sorted_groups *prefix; /* of batches [split, prefix_to]; NULL: no data */
    struct sl_partials_level level[SL_BLOCK_LEVELS];
    int64_t last; /* number of the newest batch with data */
    bool any;
    struct sl_group_store *store; /* the operator's; set before anything is added */
};

/* Nothing is held afterwards; the store stays. */
void sl_window_partials_done(struct sl_window_partials *blocks);
/* Everything that is in memory goes to disk. */
int sl_window_partials_put(struct sl_window_partials *blocks, struct sl_stage *stage,
                           const struct sl_reducer *reducer);
/* For struct sl_wide, of a memory that begins with the blocks: batches with data, their groups and bytes. */
void sl_window_partials_held(const void *memory, struct sl_held *ret);
/* Batch `number` has these groups, too: takes over the reference. Numbers do not decrease; one number comes twice where
 * the job had a shorter interval. */
int sl_window_partials_add(struct sl_window_partials *blocks, struct sl_stage *stage,
                           const struct sl_reducer *reducer, int64_t number, struct sl_sorted_groups *groups);
/* The groups of batch `number`; NULL: no data. Borrowed until the next call of another function. */
const struct sl_sorted_groups *sl_window_partials_batch(const struct sl_window_partials *blocks,
                                                        int64_t number);
/* Forgets batches before `number`. */
void sl_window_partials_forget(struct sl_window_partials *blocks, int64_t number);
/* The groups of batches [from, to]; NULL in *ret where none has data. The caller unrefs. */
int sl_window_partials_combine(struct sl_window_partials *blocks, struct sl_stage *stage,
                               const struct sl_reducer *reducer, int64_t from, int64_t to,
                               struct sl_sorted_groups **ret);
