/* The result of a window with an inverse, kept from slide to slide: what enters is combined into the groups
 * of its keys, what leaves is taken out of them. A slide costs what enters and leaves; what is shown is the
 * revision of keyed rows (core/rows/sorted_rows.h) in which those keys changed.
 *
 * What has failed cannot be taken out again: a key with a group error is left out, and reduced anew from the batches of the
 * window in each slide until that succeeds. */
#pragma once

#include "core/rows/sorted_rows.h"
#include "ops/key/table.h"
#include "ops/window/partials.h"

struct sl_live {
    struct sl_group_entry entry;
    uint32_t batches; /* of the window that hold the key */
    bool exists;      /* else the entry waits for the key to come back, or for compaction */
    bool failed;   /* a group error: not shown, and reported once; then it is reduced anew from the batches */
    bool reported; /* a failed one: nothing else is known of it */
    bool mixed;    /* batches of the window show the key differently: 1 and 1.0 */
    bool shown;    /* the newest revision has it */
    bool unfinished; /* it failed when it was finished: tried again next time */
    bool unshown;    /* changed since that was made, and noted below */
    bool unsaved;    /* changed since the last save, and noted below */
};

/* Indices of live groups. */
struct sl_noted {
    size_t *index;
    size_t count, capacity;
};

struct sl_incremental {
    struct sl_table table; /* group.state.integer: index of the live group */
    struct sl_live *live;  /* [count] */
    size_t count, capacity, living;
    struct sl_memory *memory; /* states, and keys that look otherwise than in the table */
    size_t settled;           /* bytes when they held nothing else than what lives */
    bool mixed;               /* some key is */
    bool tracks;              /* changes are noted to be saved */
    struct sl_noted unshown, unsaved;
    struct sl_sorted_rows rows; /* what is shown */
    uint64_t shown;             /* keys of it */
};

void sl_incremental_done(struct sl_incremental *running);

/* In memory: the groups, and what is shown of them. */
size_t sl_incremental_bytes(const struct sl_incremental *running);

/* Combines a batch that enters the window. Key and state are copied where they are new. */
int sl_incremental_enter(struct sl_incremental *running, struct sl_stage *stage,
                         const struct sl_reducer *reducer, const struct sl_sorted_groups *groups);
/* The groups, which have entered, leave as one batch with those before (of a shorter interval): keys that both hold
 * are in one batch. */
void sl_incremental_united(struct sl_incremental *running, const struct sl_stage *stage,
                           const struct sl_sorted_groups *before, const struct sl_sorted_groups *groups);
/* Before what the window has is shown: keys that failed are reduced anew from its batches, oldest first; a key that no batch
 * holds is removed. 0, or a failure that ends the batch. */
int sl_incremental_mend(struct sl_incremental *running, struct sl_stage *stage,
                        const struct sl_reducer *reducer, const struct sl_partials_level *batches);
/* Takes out a batch that leaves. `forget`: a key that no batch holds any more is removed. */
int sl_incremental_leave(struct sl_incremental *running, struct sl_stage *stage,
                         const struct sl_reducer *reducer, const struct sl_sorted_groups *groups,
                         bool forget);
/* Once per batch, before anything enters or leaves: gives back what is no longer needed. */
int sl_incremental_tidy(struct sl_incremental *running, struct sl_stage *stage,
                        const struct sl_reducer *reducer);

/* After batches left and were forgotten: mixed keys look as the oldest batch that is left has them. 0, or a failure. */
int sl_incremental_show_first(struct sl_incremental *running, struct sl_stage *stage,
                              const struct sl_reducer *reducer, const struct sl_partials_level *batches);
/* After a load, the three in this order: no batch holds a key; this batch of the window holds its keys, and shows some
 * of them differently; keys that no batch holds are removed. 0 or SL_ENOMEM. */
void sl_incremental_uncount(struct sl_incremental *running);
void sl_incremental_count(struct sl_incremental *running, const struct sl_stage *stage,
                          const struct sl_sorted_groups *groups);
int sl_incremental_forget(struct sl_incremental *running);

/* The groups there are; with `changed` only those that changed since the last revision. Keys and states are
 * those of the running groups, valid until they change. Failed ones are reported by the caller. The caller unrefs. */
int sl_incremental_groups(struct sl_incremental *running, struct sl_stage *stage, bool changed,
                          struct sl_sorted_groups **ret);
/* These groups became these rows, as pairs: those that have none failed, and are tried again next time. */
void sl_incremental_note_failed(struct sl_incremental *running, const struct sl_stage *stage,
                                const struct sl_sorted_groups *groups, const struct sl_dataset *rows);
/* The next revision: `rows` are the changed groups, finished, as pairs; a changed key that has no row there
 * is not shown. */
int sl_incremental_revise(struct sl_incremental *running, struct sl_stage *stage,
                          const struct sl_dataset *rows, struct sl_dataset **ret);

/* What changed since the last save, as a keyed section: rows key, state, batches, failed (the state is what is known of it,
 * nil where it was reported); a key alone was forgotten. Needs running->tracks. */
struct sl_state_writer;
int sl_incremental_save(struct sl_incremental *running, struct sl_stage *stage,
                        const struct sl_reducer *reducer, struct sl_state_writer *keeper);
/* Sections oldest first. */
int sl_incremental_load(struct sl_incremental *running, struct sl_stage *stage,
                        const struct sl_reducer *reducer, const struct sl_dataset *rows);
