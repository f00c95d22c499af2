/* State per key for mapWithState: cells found by key, with the time of each key's last record, so that a
 * batch costs what it changes. Belongs to one thread. */
#pragma once

#include "core/dataset.h"
#include "core/operator.h"
#include "ops/table.h"

struct sl_cell {
    struct sl_field key, value;
    int64_t seen_ms; /* batch of the key's last record */
    bool exists;
    bool dirty; /* changed since it was last saved */
};

/* A note that a key was seen; the cell may have been seen later, then the note is stale. */
struct sl_seen {
    int64_t t;
    size_t cell;
};

struct sl_cells {
    struct sl_table table; /* group.state.integer: index of the cell */
    struct sl_cell *cell;  /* [count]; those that do not exist wait for compaction */
    size_t count, capacity, living;
    struct sl_memory *memory; /* keys and values */
    size_t settled;           /* bytes of memory after the last compaction */
    struct sl_seen *seen;     /* in the order of t; only where there is a time-out */
    size_t seen_first, seen_count, seen_capacity;
    size_t *dirty; /* indices of dirty cells */
    size_t dirty_count, dirty_capacity;
};

void sl_cells_done(struct sl_cells *cells);

/* The cell of the key, made (not existing) where there is none. NULL: out of memory. Valid until the next
 * find. */
struct sl_cell *sl_cells_find(struct sl_cells *cells, const struct sl_field *key, uint64_t seed);
/* The value becomes the cell's state, copied; nil too is a state. 0 or SL_ENOMEM. */
int sl_cells_put(struct sl_cells *cells, struct sl_cell *cell, const struct sl_field *value);
int sl_cells_remove(struct sl_cells *cells, struct sl_cell *cell);
/* Notes that the key had a record in batch t, where time-outs are wanted. */
int sl_cells_touch(struct sl_cells *cells, struct sl_cell *cell, int64_t t, bool note);

/* Notes every cell by its last record, after cells were put one by one. */
int sl_cells_note_all(struct sl_cells *cells);

/* Whether a key was last seen before t. */
bool sl_cells_has_idle(const struct sl_cells *cells, int64_t t);
/* Takes the keys that were last seen before t: indices in the order of keys. The caller frees *ret. */
int sl_cells_take_idle(struct sl_cells *cells, struct sl_stage *stage, int64_t t, size_t **ret,
                       size_t *ret_count);

/* All cells were loaded: nothing is to be saved, and nothing was wasted yet. */
void sl_cells_settle(struct sl_cells *cells);
/* Gives back what removed cells and old values held, once it is as much as the rest. */
int sl_cells_tidy(struct sl_cells *cells, uint64_t seed);

/* Brings dirty[] into the order of keys, once a batch has changed what it changes. 0 or SL_ENOMEM. */
int sl_cells_sort_dirty(struct sl_cells *cells, struct sl_stage *stage);
/* Nothing is dirty any more. */
void sl_cells_saved(struct sl_cells *cells);

/* All of it as rows (key, state) in the order of keys. */
int sl_cells_rows(const struct sl_cells *cells, struct sl_stage *stage, struct sl_rows **ret);
/* The dirty cells, which are sorted, in the same way; those that do not exist as (key). */
int sl_cells_changes(const struct sl_cells *cells, struct sl_rows **ret);
