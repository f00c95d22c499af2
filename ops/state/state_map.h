/* The state of mapWithState: cells (ops/state/state_shard.h) in a fixed number of parts by the hash of their keys, so
 * that workers can each have parts of their own.
 *
 * Which key is in which part differs from process to process and is never seen: what is shown or saved is
 * sorted by key over all parts. Belongs to one thread, but that different threads may use different parts. */
#pragma once

#include "core/contract/operator.h"
#include "ops/state/state_shard.h"

enum { SL_PARTS_LOG2 = 6, SL_PARTS = 1 << SL_PARTS_LOG2 };

struct sl_state_map {
    struct sl_state_shard part[SL_PARTS];
    struct sl_found changed; /* what is dirty, in the order of keys, after sl_state_map_sort_changed */
};

void sl_state_map_done(struct sl_state_map *parts);

/* The part of a key by its hash (sl_field_hash with the seed of the process): the upper bits, for the tables
 * of the parts go by the lower half. */
static inline unsigned sl_state_map_number(uint64_t hash)
{
    return (unsigned)(hash >> (64 - SL_PARTS_LOG2));
}

size_t sl_state_map_living(const struct sl_state_map *parts);
size_t sl_state_map_bytes(
    const struct sl_state_map *parts); /* of memory: keys, values, cells and tables aside */
/* Notes every cell by its last record, after cells were put one by one. 0 or SL_ENOMEM. */
int sl_state_map_note_all(struct sl_state_map *parts);

/* Whether a key was last seen before t. */
bool sl_state_map_has_idle(const struct sl_state_map *parts, int64_t t);
/* Takes the keys that were last seen before t, in the order of keys. The caller ends *ret, also after a
 * failure. */
int sl_state_map_take_idle(struct sl_state_map *parts, struct sl_stage *stage, int64_t t,
                           struct sl_found *ret);

/* Fills `changed`, once a batch has changed what it changes. 0 or SL_ENOMEM. */
int sl_state_map_sort_changed(struct sl_state_map *parts, struct sl_stage *stage);
/* Nothing is dirty any more. */
void sl_state_map_saved(struct sl_state_map *parts);

/* All cells were loaded: nothing is to be saved, and nothing was wasted yet. */
void sl_state_map_settle(struct sl_state_map *parts);
/* Gives back what removed cells and old values held, part by part once it is as much as the rest; while
 * nothing is dirty. 0 or SL_ENOMEM. */
int sl_state_map_tidy(struct sl_state_map *parts, struct sl_stage *stage);

/* All of it as rows (key, state) in the order of keys. */
int sl_state_map_rows(const struct sl_state_map *parts, struct sl_stage *stage, struct sl_rows **ret);
/* What changed in the same way; removed keys as (key). */
int sl_state_map_changes(const struct sl_state_map *parts, struct sl_rows **ret);
