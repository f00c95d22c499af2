/* Notes of keys in the order of time, then of keys, each note once: added in any order, taken from the front. Those that
 * exceed what may be in memory are sorted runs on disk (ops/state/state_runs.h).
 *
 *     while (sl_note_queue_first(queue, &note, err) > 0 && note.t < t) {
 *         ...
 *         sl_note_queue_take(queue);
 *     }
 *     sl_note_queue_pause(queue);
 *
 * Notes may be added at any time, but between sl_note_queue_first and what follows it. A call that fails loses no note.
 * Belongs to one thread. */
#pragma once

#include "ops/state/state_runs.h"

struct sl_note {
    int64_t t;
    struct sl_field key;
};

struct sl_note_queue {
    struct sl_state_runs runs;
    struct sl_state_reader *reader;      /* of the runs while notes are taken; or NULL */
    const struct sl_stored_cell *stored; /* given by the reader and not taken; or NULL */
    struct sl_note *note;                /* [at, count): in memory, their keys in `keys` */
    size_t at, count, capacity;
    struct sl_arena keys;
    bool is_sorted;                /* those in memory */
    bool is_in_memory, is_on_disk; /* where the first note is, after sl_note_queue_first */
    size_t bytes_max;              /* of memory */
    int64_t earliest;              /* no note is earlier; INT64_MAX: there is none */
};

/* bytes: what it may hold in memory, about. */
void sl_note_queue_init(struct sl_note_queue *queue, struct sl_spill *spill, size_t bytes);
void sl_note_queue_done(struct sl_note_queue *queue);
size_t sl_note_queue_bytes(const struct sl_note_queue *queue); /* of memory */

/* The key is copied. */
int sl_note_queue_add(struct sl_note_queue *queue, int64_t t, const struct sl_field *key,
                      struct sl_error *err);

/* 1 and the first note, borrowed until the next call; 0: there is none; or a failure. */
int sl_note_queue_first(struct sl_note_queue *queue, struct sl_note *ret, struct sl_error *err);
/* The first note leaves the queue, after sl_note_queue_first gave it. */
void sl_note_queue_take(struct sl_note_queue *queue);
bool sl_note_queue_is_empty(const struct sl_note_queue *queue); /* after sl_note_queue_pause */
/* No more notes are taken for now: gives back what reading took, and finds what is `earliest`. */
int sl_note_queue_pause(struct sl_note_queue *queue, struct sl_error *err);
