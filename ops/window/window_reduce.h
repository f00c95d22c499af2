/* Reducing over windows: what the operator (ops/window/window_reduce.c) and what it keeps on disk
 * (ops/window/window_reduce_save.c) share. */
#pragma once

#include "ops/group/by_key.h"
#include "ops/window/check.h"
#include "ops/window/incremental.h"
#include "ops/window/partials.h"
#include "ops/window/span.h"

struct sl_section;
struct sl_state_writer;

/* References to groups. */
struct sl_window_groups {
    struct sl_sorted_groups **groups;
    size_t count, capacity;
};
/* Takes its own reference. 0 or SL_ENOMEM. */
int sl_window_groups_add(struct sl_window_groups *list, struct sl_sorted_groups *groups);
void sl_window_groups_done(struct sl_window_groups *list);

struct sl_reduced_window {
    struct sl_by_key by_key;          /* first */
    const struct sl_function *filter; /* NULL: none */
    bool zero_when_empty;             /* countByWindow */
    bool forgets;                     /* a key that no batch holds goes */
    struct sl_window_groups dealt;    /* of the batch, by shards: ops/window/window_reduce_shards.c */
};

/* Batches as they were loaded, by time; after loaded those that the window holds and that are to be saved once more. */
struct sl_window_kept {
    struct sl_kept_batch {
        int64_t t;
        uint32_t generation;
        struct sl_sorted_groups *groups;
    } * batch;
    size_t count, capacity;
};
void sl_window_kept_done(struct sl_window_kept *kept);

struct sl_running_table;
struct sl_stored;

/* A running result that is on disk (ops/window/window_reduce_running.h). */
struct sl_window_stored {
    struct sl_running_table *table; /* its keys; NULL: it is in memory */
    struct sl_dataset *changes;     /* what the batch changed, as it is saved; NULL: nothing */
    uint64_t revisions;             /* that were shown */
    struct sl_spill *spill;
    struct sl_stored **run; /* [runs]: sections while they are loaded, the oldest first */
    size_t runs, capacity;
};
void sl_window_stored_done(struct sl_window_stored *stored);

struct sl_window_memory {
    struct sl_window_partials blocks; /* first; level 0: the batches */
    struct sl_incremental running;
    struct sl_window_stored stored;   /* in its place beyond memoryLimit, where the inverse is the user's */
    struct sl_sorted_groups *arrived; /* with the batch at arrived_ms; a block may hold more */
    int64_t arrived_ms;
    bool shown;              /* the last emission showed data */
    bool began, began_saved; /* there was data once: from then on countByWindow has a zero to show */
    struct sl_window_kept kept;
    /* While it is loaded: batches that a running result on disk held and does not any more. */
    struct sl_window_groups gone;
    struct sl_window_span span; /* as it was saved last */
    struct sl_group_store store;
    bool is_large; /* a result that could be carried from slide to slide is not: it exceeds memoryLimit */
};

static inline int64_t sl_window_batch_number(const struct sl_node *node, int64_t t)
{
    return t / node->input[0]->slide_ms + (t % node->input[0]->slide_ms > 0);
}

/* The first batch of the window that ends with t. */
static inline int64_t sl_window_first_number(const struct sl_node *node, int64_t t)
{
    return sl_window_batch_number(node, t) - sl_window_of(node) / node->input[0]->slide_ms + 1;
}

static inline bool sl_window_has_inverse(const struct sl_reduced_window *window)
{
    return window->by_key.aggregate.reducer->ops->inverse != NULL;
}

/* Whether the result is carried from slide to slide. Any native reducer that has an inverse gives the same without it. */
static inline bool sl_window_runs(const struct sl_stage *stage)
{
    const struct sl_window_memory *memory = stage->memory;
    return sl_window_has_inverse(stage->state) && !memory->is_large;
}

/* A user's inverse makes results that depend on their history, and keys that stay: they are kept
 * as they are. */
static inline bool sl_window_keeps_running(const struct sl_stage *stage)
{
    const struct sl_reduced_window *window = stage->state;
    return sl_window_has_inverse(window) &&
           window->by_key.aggregate.reducer == &window->by_key.function.reducer;
}

/* ---- beyond memoryLimit: ops/window/window_reduce_large.c ---- */

/* When the stage begins. 0 or SL_ENOMEM. */
int sl_window_store_open(struct sl_stage *stage);
/* The groups of the batch, in memory or on disk. */
int sl_window_batch_groups(struct sl_stage *stage, struct sl_sorted_groups **ret);
/* Before groups enter, NULL: any; when the result is carried from slide to slide and the window holds too much for that, it
 * is made of the batches from now on, until there are none. */
void sl_window_leave_memory(struct sl_stage *stage, const struct sl_sorted_groups *groups);
void sl_window_return_to_memory(struct sl_stage *stage);
/* Bytes in memory: batches, what is combined of them, and the running result. */
size_t sl_window_bytes(struct sl_stage *stage);
/* At the end of a batch: what exceeds the limit goes to disk. */
int sl_window_make_room(struct sl_stage *stage);

/* ---- what a batch is made of: ops/window/window_reduce_batch.c ---- */

/* Before its groups are there: what no window reaches any more leaves. */
int sl_window_move_on(struct sl_stage *stage);
/* They are the newest, which are saved. Takes them over. False: there are none. */
bool sl_window_arrive(struct sl_stage *stage, struct sl_sorted_groups *groups);
/* They do, and enter. Takes them over. */
int sl_window_enter(struct sl_stage *stage, struct sl_sorted_groups *groups);
/* Then: whether the batch shows something. Sets stage->said. */
bool sl_window_will_emit(struct sl_stage *stage);

/* The groups of the batch at t become a section of this generation (ops/window/span.h). */
int sl_window_save_groups(struct sl_stage *stage, struct sl_state_writer *keeper, uint32_t generation,
                          int64_t t, const struct sl_sorted_groups *groups);

/* ops/window/window_reduce_shards.c */
extern const struct sl_sharded sl_window_reduce_sharded;

/* As struct sl_wide has them. */
int sl_window_reduce_save(struct sl_stage *stage, struct sl_state_writer *keeper);
int sl_window_reduce_load(struct sl_stage *stage, const struct sl_section *section,
                          const struct sl_dataset *rows);
int sl_window_reduce_loaded(struct sl_stage *stage, int64_t last_ms);
