/* The state of mapWithState: cells (ops/state/state_shard.h) in a fixed number of parts by the hash of their keys, so
 * that workers can each have parts of their own.
 *
 * Which key is in which part differs from process to process and is never seen: what is shown or saved is
 * sorted by key over all parts. Belongs to one thread, but that different threads may use different parts.
 *
 * With a memoryLimit (sl_state_map_bound) cells that hold too much are moved to disk (ops/state/state_runs.h): between
 * batches, and within one between its rounds of calls. A key is then looked for on disk where it has no cell
 * (sl_state_map_find).
 *
 * Keys that time out are found by notes of when they were seen. A cell that is not on disk has one for each batch that saw
 * it, in its part. When cells are moved to disk, every key gets one note there (ops/state/note_queue.h), and no other
 * while it exists: records leave it alone. So a note may be earlier than the last record of its key, never later. When
 * it is due, the key is looked for: one that is idle is taken, one that was seen since is noted anew. */
#pragma once

#include "core/contract/operator.h"
#include "ops/state/note_queue.h"
#include "ops/state/state_find.h"
#include "ops/state/state_runs.h"
#include "ops/state/state_shard.h"

enum { SL_PARTS_LOG2 = 6, SL_PARTS = 1 << SL_PARTS_LOG2 };

/* What times out beyond memoryLimit. */
struct sl_state_due {
    struct sl_note_queue notes; /* of keys on disk, by when they were seen */
    struct sl_note_queue keys;  /* whose notes were due, all at time 0: they are looked for in their order */
    struct sl_state_finder finder; /* while they are */
};

void sl_state_due_free(struct sl_state_due *due); /* NULL is fine */

struct sl_state_map {
    struct sl_state_shard part[SL_PARTS];
    struct sl_cell_list changed; /* dirty ones, in the order of keys, after sl_state_map_sort_changed */
    struct sl_state_runs *runs;  /* NULL: everything is in memory */
    struct sl_state_due *due;    /* with runs, where keys time out; else NULL */
};

void sl_state_map_done(struct sl_state_map *parts);

/* What is too much goes to disk from now on, where the stage has a limit. times_out: cells are noted from now on (after a
 * start: once sl_state_map_count_living has noted what was loaded). Any number of times. 0 or SL_ENOMEM. */
int sl_state_map_bound(struct sl_state_map *parts, struct sl_stage *stage, bool times_out);
/* Whether a part of it is on disk. */
bool sl_state_map_is_stored(const struct sl_state_map *parts);

/* The part of a key by its hash (sl_field_hash with the seed of the process): the upper bits, for the tables
 * of the parts go by the lower half. */
static inline unsigned sl_state_map_number(uint64_t hash)
{
    return (unsigned)(hash >> (64 - SL_PARTS_LOG2));
}

/* The cell of the key, also where the key is on disk, made (not existing) where there is none. `task` may be any of a
 * worker that has the part. 0, or a failure. */
int sl_state_map_find(struct sl_state_map *parts, struct sl_task *task, const struct sl_field *key,
                      uint64_t hash, struct sl_state_entry **ret);

/* Moves all cells to disk where they hold too much; pointers to cells are void afterwards. Not after
 * sl_state_map_sort_changed. 0, or a failure. */
int sl_state_map_make_room(struct sl_state_map *parts, struct sl_stage *stage);
/* Whether they do, with so many bytes more that the caller holds for them. */
bool sl_state_map_is_too_much(const struct sl_state_map *parts, const struct sl_stage *stage, size_t more);
/* Moves all cells in any case; the stage has a limit. */
int sl_state_map_store(struct sl_state_map *parts, struct sl_stage *stage);
/* Counts the keys, after cells were put without looking at what is on disk (a start), and notes them where they time out.
 * 0, or a failure. */
int sl_state_map_count_living(struct sl_state_map *parts, struct sl_stage *stage);

/* What the cells take: keys, values, tables, and what it takes beside them to write them to disk. Where there is a limit. */
size_t sl_state_map_held(const struct sl_state_map *parts);
/* What one more cell may add to that, a table that doubles included; from those that there are. 0: they are few, and their
 * tables would not grow. */
size_t sl_state_map_cell_bytes(const struct sl_state_map *parts);

size_t sl_state_map_living(const struct sl_state_map *parts);
size_t sl_state_map_bytes(
    const struct sl_state_map *parts); /* of memory: keys, values, cells and tables aside */
/* Notes every cell by its last record, after cells were put one by one. 0 or SL_ENOMEM. */
int sl_state_map_note_all(struct sl_state_map *parts);

/* Whether a key was last seen before t; also where that cannot be read: then taking them fails. */
bool sl_state_map_has_idle(const struct sl_state_map *parts, int64_t t);
/* Takes keys that were last seen before t, in the order of keys: the first of them, as many as may be in memory, then the
 * next with every call, in the end none. Their cells are in memory until the next call; *ret has the keys. The caller
 * ends *ret, also after a failure. */
int sl_state_map_take_idle(struct sl_state_map *parts, struct sl_stage *stage, int64_t t,
                           struct sl_cell_list *ret);

/* The same where a part of the state is on disk. */
bool sl_state_map_has_due(const struct sl_state_map *parts, int64_t t);
int sl_state_map_take_due(struct sl_state_map *parts, struct sl_stage *stage, int64_t t,
                          struct sl_cell_list *ret);

/* Fills `changed`, once a batch has changed what it changes. 0 or SL_ENOMEM. */
int sl_state_map_sort_changed(struct sl_state_map *parts, struct sl_stage *stage);
/* Nothing is dirty any more. */
void sl_state_map_saved(struct sl_state_map *parts);

/* All cells were loaded: nothing is to be saved, and nothing was wasted yet. */
void sl_state_map_settle(struct sl_state_map *parts);
/* Gives back what removed cells and old values held, part by part once it is as much as the rest, or moves all cells to
 * disk and merges there what is due; while nothing is dirty. 0, or a failure. */
int sl_state_map_tidy(struct sl_state_map *parts, struct sl_stage *stage);

/* Visits keys in order, on disk or not: what there is, or what changed in the batch of the stage, removed keys too.
 * What is visited is borrowed until visit returns; what that returns below 0 ends it. */
typedef int sl_state_map_visit(void *arg, const struct sl_stored_cell *cell);
int sl_state_map_each(const struct sl_state_map *parts, struct sl_stage *stage, sl_state_map_visit *visit,
                      void *arg);
int sl_state_map_each_changed(const struct sl_state_map *parts, struct sl_stage *stage,
                              sl_state_map_visit *visit, void *arg);
bool sl_state_map_has_changed(const struct sl_state_map *parts, struct sl_stage *stage);

/* All of it as rows (key, state) in the order of keys; nothing may be on disk. */
int sl_state_map_rows(const struct sl_state_map *parts, struct sl_stage *stage, struct sl_rows **ret);
/* What changed in the same way (nothing may be on disk); removed keys as (key). */
int sl_state_map_changes(const struct sl_state_map *parts, struct sl_rows **ret);
