/* Keyed state that is bounded by the watermark: cells (ops/state/state_map.h) with a time at which each is due to be
 * looked at: a session that closes, a key that is forgotten.
 *
 * A cell's seen_ms is when it is due; each part has a heap of (due, cell), in which notes that are no longer true stay
 * until they come up. A batch costs what it changes and what became due. On disk: rows (key, value, due). */
#pragma once

#include "core/contract/state_writer.h"
#include "ops/state/state_map.h"

struct sl_due {
    int64_t due_ms;
    size_t cell;
};

struct sl_due_heap {
    struct sl_due *note;
    size_t count, capacity;
};

struct sl_timed_map {
    struct sl_state_map map;
    struct sl_due_heap heap[SL_PARTS];
};

void sl_timed_map_done(struct sl_timed_map *timed);

static inline struct sl_state_shard *sl_timed_map_part(struct sl_timed_map *timed, uint64_t hash)
{
    return &timed->map.part[sl_state_map_number(hash)];
}

/* The value, copied, becomes the cell's, due then. 0 or SL_ENOMEM. The part's thread only. */
int sl_timed_map_put(struct sl_timed_map *timed, unsigned part, struct sl_state_entry *cell,
                     const struct sl_field *value, int64_t due_ms);
/* The part's next cell that is due before `until`, without its note; NULL: none. Valid until the next find. */
struct sl_state_entry *sl_timed_map_take_due(struct sl_timed_map *timed, unsigned part, int64_t until);
/* When the next cell is due; INT64_MAX: there is none. Drops notes that are not true. */
int64_t sl_timed_map_next_due(struct sl_timed_map *timed);

/* Writes what is dirty, in the order of keys, and gives back what is wasted. */
int sl_timed_map_save(struct sl_timed_map *timed, struct sl_stage *stage, struct sl_state_writer *keeper,
                      uint32_t part);
/* In place of it where nothing is kept on disk: before a batch. */
int sl_timed_map_forget_changes(struct sl_timed_map *timed, struct sl_stage *stage);
/* The rows of a section, in order from the oldest. SL_EDAMAGED. */
int sl_timed_map_load(struct sl_timed_map *timed, struct sl_stage *stage, const struct sl_dataset *rows);
/* After the last section. */
int sl_timed_map_loaded(struct sl_timed_map *timed);
