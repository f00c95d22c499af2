/* What a batch brought to state by key, of one stream or two: its keys in their order, round by round, dealt to the parts of
 * a timed map. Lists that exceed memoryLimit are on disk, and those of a round in memory.
 *
 *     sl_brought_keys_open(&keys, stage, aggregate, sides);
 *     while ((r = sl_brought_keys_next(&keys)) > 0)
 *         sl_stage_run(stage, SL_PARTS, ...): each part's thread goes through keys.part[number]
 *     sl_brought_keys_done(&keys); */
#pragma once

#include "ops/state/brought_groups.h"
#include "ops/state/state_map.h"

enum { SL_BROUGHT_SIDES = 2 };

struct sl_brought_key {
    const struct sl_field *key;
    uint64_t hash;
    const union sl_state *state[SL_BROUGHT_SIDES]; /* of the reducer list; or NULL */
    struct sl_field list[SL_BROUGHT_SIDES];        /* where it is NULL; no list: none of that side */
};

struct sl_brought_part {
    struct sl_brought_key *key;
    size_t keys, capacity;
};

struct sl_brought_side {
    struct sl_brought_groups groups;
    size_t at, count;
    struct sl_cursor cursor; /* of groups that are rows */
    struct sl_arena block;
    struct sl_field row[SL_WIDTH_MAX]; /* the one at `at` */
};

struct sl_brought_keys {
    struct sl_stage *stage;
    unsigned sides;
    struct sl_brought_side side[SL_BROUGHT_SIDES];
    struct sl_arena round; /* what was read from disk */
    struct sl_brought_part part[SL_PARTS];
};

/* Finishes the aggregates, [sides], whose reducer is list. sl_brought_keys_done is to be called in any case. */
int sl_brought_keys_open(struct sl_brought_keys *keys, struct sl_stage *stage,
                         struct sl_aggregate *const *aggregate, unsigned sides);
/* 1: the parts have the next keys; 0: there are none left; or a failure. */
int sl_brought_keys_next(struct sl_brought_keys *keys);
void sl_brought_keys_done(struct sl_brought_keys *keys);

/* The values of one side, none where it has none; borrowed from the scratch or the round. */
int sl_brought_key_list(const struct sl_brought_key *key, unsigned side, struct sl_task *task,
                        struct sl_field *ret);
