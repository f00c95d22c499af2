/* Two streams met by key in memory: the smaller side of a hash partition becomes a table, the larger is streamed past it.
 *
 * Rows are kept as they come, by worker and hash partition, each with the number of its lane. At the end every partition is
 * met on its own: rows find their key, and their values are dealt to the keys in the order of lanes, so that the values of a
 * key lie side by side; rows whose key gives nothing are dropped. Only the keys that are left are sorted. For cogroup.c
 * alone; where memory is bounded, ops/cogroup/cogroup_spill takes its place. */
#pragma once

#include "ops/cogroup/cogroup.h"

struct sl_hash_sides;

/* NULL: out of memory. */
struct sl_hash_sides *sl_hash_sides_new(struct sl_stage *stage, const struct sl_cogroup_kind *kind);
void sl_hash_sides_free(struct sl_hash_sides *sides);

/* 0, SL_ENOMEM, or what became of records that are refused. */
int sl_hash_sides_lane_open(struct sl_hash_sides *sides, struct sl_lane *lane);
int sl_hash_sides_push(struct sl_hash_sides *sides, struct sl_lane *lane, const struct sl_chunk *in);

/* One key with what each side has of it. */
struct sl_hash_key {
    struct sl_field key; /* first; as it was seen first, left before right */
    uint32_t hash;
    uint32_t count[2];
    struct sl_field *value[2]; /* [count], in order */
};

/* Every key that kind->meet is to see, in the order of keys: ret_key[ret_count], which belongs to `sides`. What keys and
 * values point to moves to `memory`. */
int sl_hash_sides_finish(struct sl_hash_sides *sides, struct sl_memory *memory,
                         struct sl_hash_key *const **ret_key, size_t *ret_count);

SL_FETCH sl_hash_key_prefetch(const struct sl_hash_key *key)
{
    for (unsigned side = 0; side < 2; side++) {
        __builtin_prefetch(key->value[side]);
        if (key->count[side] > 4)
            __builtin_prefetch(key->value[side] + 4);
    }
}
