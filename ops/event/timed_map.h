/* Keyed state that is bounded by the watermark: cells (ops/state/state_map.h) with a time at which each is due to be
 * looked at: a session that closes, a key that is forgotten.
 *
 * A cell's seen_ms is when it is due; each part has a heap of (due, cell), in which notes that are no longer true stay
 * until they come up. A batch costs what it changes and what became due. On disk: rows (key, value, due).
 *
 * With a memoryLimit (sl_timed_map_bound) what is too much is moved to disk like the state of mapWithState. A key on disk
 * has a note there that is not later than it is due: where it becomes due earlier it gets another one, where it becomes due
 * later the note stays, and is corrected when it comes up. Cells that have such a note are in no heap. */
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

/* Before anything is found or put: what is too much goes to disk from now on, where the stage has a limit. Any number of
 * times. 0 or SL_ENOMEM. */
int sl_timed_map_bound(struct sl_timed_map *timed, struct sl_stage *stage);

/* The value, copied, becomes the cell's, due then. 0 or SL_ENOMEM. The part's thread only. */
int sl_timed_map_put(struct sl_timed_map *timed, unsigned part, struct sl_state_entry *cell,
                     const struct sl_field *value, int64_t due_ms);
/* Moves all cells to disk where they hold too much; pointers to cells are void afterwards. 0, or a failure. */
int sl_timed_map_make_room(struct sl_timed_map *timed, struct sl_stage *stage);

struct sl_timed_map_work {
    /* The cell of a part is due, and is to be put anew or removed. The part's thread; scratch is empty. */
    int (*visit)(void *arg, struct sl_task *task, unsigned part, struct sl_state_entry *cell);
    /* Optional: after some of them, on the calling thread alone. */
    int (*pause)(void *arg);
    void *arg;
};

/* Visits the cells that are due before `until`, on the stage's workers; in which order depends on the process. 0, or a
 * failure. */
int sl_timed_map_visit_due(struct sl_timed_map *timed, struct sl_stage *stage, int64_t until,
                           const struct sl_timed_map_work *work);
/* When the next cell in memory is due; INT64_MAX: there is none. Drops notes that are not true. */
int64_t sl_timed_map_next_due(struct sl_timed_map *timed);
/* Whether a key that is on disk, or was, is due before `until`; also where that cannot be read. */
bool sl_timed_map_has_due_on_disk(const struct sl_timed_map *timed, int64_t until);

/* Writes what is dirty, in the order of keys, and gives back what is wasted. */
int sl_timed_map_save(struct sl_timed_map *timed, struct sl_stage *stage, struct sl_state_writer *keeper,
                      uint32_t part);
/* In place of it where nothing is kept on disk: before a batch. */
int sl_timed_map_forget_changes(struct sl_timed_map *timed, struct sl_stage *stage);

/* When a value that was read is due, by what the job says now; *ret is what it was due by. SL_EDAMAGED. */
typedef int sl_timed_map_due_of(const struct sl_stage *stage, const struct sl_field *value, int64_t *ret);
/* The rows of a section, in order from the oldest. `what` is damaged where SL_EDAMAGED is returned. */
int sl_timed_map_load(struct sl_timed_map *timed, struct sl_stage *stage, const struct sl_dataset *rows,
                      sl_timed_map_due_of *due_of, const char *what);
/* After the last section. 0, or a failure. */
int sl_timed_map_loaded(struct sl_timed_map *timed, struct sl_stage *stage);
