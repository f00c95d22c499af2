/* One part of the state of mapWithState (ops/state/state_map.h): cells found by key, with the time of each key's last
 * record, so that a batch costs what it changes. Belongs to one thread at a time. */
#pragma once

#include "core/rows/dataset.h"
#include "ops/key/sorted_groups.h"
#include "ops/key/table.h"

struct sl_state_entry {
    struct sl_field key, value;
    int64_t seen_ms; /* batch of the key's last record */
    uint32_t hash;
    bool exists;
    bool dirty; /* changed since it was last saved */
    bool fresh; /* not as in the runs on disk (ops/state/state_runs.h), where there are any */
    bool noted; /* there is a note of the key on disk (ops/state/note_queue.h) */
};

/* A note that a key was seen; the cell may have been seen later, then the note is stale. */
struct sl_seen_note {
    int64_t t;
    size_t cell;
};

struct sl_state_shard {
    struct sl_table table;       /* group.state.integer: index of the cell */
    struct sl_state_entry *cell; /* [count]; those that do not exist wait for compaction */
    size_t count, capacity;
    size_t living;             /* keys that exist, in memory or on disk */
    struct sl_memory *memory;  /* keys and values */
    size_t settled;            /* bytes of memory after the last compaction */
    struct sl_seen_note *seen; /* in the order of t; only where there is a time-out */
    size_t seen_first, seen_count, seen_capacity;
    size_t *dirty; /* indices of dirty cells */
    size_t dirty_count, dirty_capacity;
};

/* A list of cells with their keys, to be sorted by these: entry.state.pointer is the cell, valid until the next find or
 * tidy of its part. */
struct sl_cell_list {
    struct sl_group_entry *entry;
    size_t count, capacity;
};

void sl_cell_list_done(struct sl_cell_list *found);
int sl_cell_list_add(struct sl_cell_list *found, struct sl_state_entry *cell); /* 0 or SL_ENOMEM */

void sl_state_shard_done(struct sl_state_shard *cells);

/* The cell of the key, made (not existing) where there is none. NULL: out of memory. Valid until the next
 * find. */
struct sl_state_entry *sl_state_shard_find(struct sl_state_shard *cells, const struct sl_field *key,
                                           uint32_t hash);
/* The same where it is not made: NULL, too, where there is none. */
struct sl_state_entry *sl_state_shard_look(const struct sl_state_shard *cells, const struct sl_field *key,
                                           uint32_t hash);
/* The value becomes the cell's state, copied; nil too is a state. 0 or SL_ENOMEM. */
int sl_state_shard_put(struct sl_state_shard *cells, struct sl_state_entry *cell,
                       const struct sl_field *value);
int sl_state_shard_remove(struct sl_state_shard *cells, struct sl_state_entry *cell);
/* The cell, which was made by the last find, becomes what is on disk of its key: all is copied. There is a note of the
 * key on disk, too, where there are any. 0 or SL_ENOMEM. */
int sl_state_shard_bring(struct sl_state_shard *cells, struct sl_state_entry *cell,
                         const struct sl_field *key, const struct sl_field *value, int64_t seen_ms);
/* All cells are forgotten: the runs on disk have them. */
void sl_state_shard_forget(struct sl_state_shard *cells);
/* Notes that the key had a record in batch t, where time-outs are wanted. */
int sl_state_shard_touch(struct sl_state_shard *cells, struct sl_state_entry *cell, int64_t t, bool note);

/* Notes every cell by its last record, after cells were put one by one. */
int sl_state_shard_note_all(struct sl_state_shard *cells);
/* The same for notes on disk: every cell that exists has one now. */
void sl_state_shard_noted(struct sl_state_shard *cells);

/* Whether a key was last seen before t. */
bool sl_state_shard_has_idle(const struct sl_state_shard *cells, int64_t t);
/* Takes the cells that were last seen before t and adds them to *found. 0 or SL_ENOMEM. Cells with a note on disk are left
 * to that. */
int sl_state_shard_take_idle(struct sl_state_shard *cells, int64_t t, struct sl_cell_list *found);

/* Adds the cells that are there, or the dirty ones, to *found. 0 or SL_ENOMEM. */
int sl_state_shard_living(const struct sl_state_shard *cells, struct sl_cell_list *found);
int sl_state_shard_dirty(const struct sl_state_shard *cells, struct sl_cell_list *found);
/* The same of those that are not as on disk, also where they do not exist. */
int sl_state_shard_fresh(const struct sl_state_shard *cells, struct sl_cell_list *found);
/* What it takes of memory, all in all. */
size_t sl_state_shard_bytes(const struct sl_state_shard *cells);
/* Nothing is dirty any more. */
void sl_state_shard_saved(struct sl_state_shard *cells);

/* All cells were loaded: nothing is to be saved, and nothing was wasted yet. */
void sl_state_shard_settle(struct sl_state_shard *cells);
/* Whether removed cells and old values hold as much as the rest, and a tidy would give that back. */
bool sl_state_shard_is_wasteful(const struct sl_state_shard *cells);
/* To be called while nothing is dirty. 0 or SL_ENOMEM. */
int sl_state_shard_tidy(struct sl_state_shard *cells);
