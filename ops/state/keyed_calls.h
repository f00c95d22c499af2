/* Many calls for keys, spread over the workers, with results as if they were made one after the other.
 *
 * A round is a stretch of the calls, as many as memory is wanted for: under a memoryLimit as many as would have fit by
 * what the round before took for each of its own and what a cell takes, which begins small and grows by steps. Its items
 * are filled in, dealt to parts by the hashes of their keys (ops/state/state_map.h), and called part by part: one worker
 * at a time has a part, and calls its items in their order. What came of them is put together in the order of items. A round that is
 * small runs on the calling thread alone, item by item, which gives the same.
 *
 * Each call is a split of its own as far as task->ordinal goes (math.random, the order of dead letters): its
 * number in the batch. Where several items fail the first of them is what the batch fails with, for those
 * before it are called all the same.
 *
 * sl_keyed_calls_init; sl_keyed_calls_run any number of times; sl_keyed_calls_take; sl_keyed_calls_done. */
#pragma once

#include "core/contract/operator.h"

struct sl_keyed_call {
    struct sl_field key, value;
    uint64_t hash;              /* of the key, seeded */
    const struct sl_field *row; /* the result: `width` fields, in the memories of the call */
    int64_t time;               /* of the row, where it has one */
    uint8_t width;              /* 0: no row */
    bool is_timed;              /* the row has a time */
    bool is_pair;               /* for who fills and calls: there is a value */
    uint64_t number;            /* of the call in the batch */
    bool is_refused; /* with a failure: by the item itself, so that those before it may still be called */
};

/* What lasts how long, one of each for every worker. */
struct sl_keyed_calls_memory {
    struct sl_arena round;  /* as long as the round: what `row` and items point to */
    struct sl_arena result; /* as long as the result: what the fields of rows point to */
};

struct sl_keyed_calls_work {
    /* Sets key, value, hash and is_pair of items [from, from + count); any thread. */
    int (*fill)(void *arg, uint64_t from, size_t count, struct sl_keyed_calls_memory *memory,
                struct sl_keyed_call *item);
    /* Calls for one item; sets row and width. scratch is empty, ordinal set. 0, or a failure of the batch. */
    int (*call)(void *arg, struct sl_task *task, struct sl_keyed_calls_memory *memory,
                struct sl_keyed_call *item);
    /* Optional: before each round, on the calling thread alone. */
    int (*begin_round)(void *arg);
    void *arg;
};

struct sl_state_map;

struct sl_keyed_calls {
    struct sl_stage *stage;
    struct sl_keyed_calls_memory *memory; /* [workers] */
    struct sl_memory *kept;               /* what was in memory[].result, in the end */
    struct sl_dataset *rows;              /* so far, in memory */
    struct sl_dataset *stored;            /* those before, on disk: what exceeds memoryLimit; NULL: none */
    struct sl_spill_file *file;           /* where they are written, or NULL */
    uint64_t calls;                       /* so far */
    /* Optional, set after init: the numbers of the first calls, of which other processes make the others. Borrowed. */
    const uint64_t *number;
    uint64_t numbers;
    /* Optional, set after init: where calls make cells, which count as what they take. */
    const struct sl_state_map *cells;
};

/* 0 or SL_ENOMEM; sl_keyed_calls_done is to be called in any case. */
int sl_keyed_calls_init(struct sl_keyed_calls *rounds, struct sl_stage *stage);
void sl_keyed_calls_done(struct sl_keyed_calls *rounds);

int sl_keyed_calls_run(struct sl_keyed_calls *rounds, const struct sl_keyed_calls_work *work, uint64_t count);

/* All rows, as one partition. The caller unrefs. NULL: out of memory. */
struct sl_dataset *sl_keyed_calls_take(struct sl_keyed_calls *rounds);
