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

struct sl_reduced_window {
    struct sl_by_key by_key;          /* first */
    const struct sl_function *filter; /* NULL: none */
    bool zero_when_empty;             /* countByWindow */
    bool forgets;                     /* a key that no batch holds goes */
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

struct sl_window_memory {
    struct sl_window_partials blocks; /* first; level 0: the batches */
    struct sl_incremental running;
    struct sl_sorted_groups *arrived; /* with the batch at arrived_ms; a block may hold more */
    int64_t arrived_ms;
    bool shown;              /* the last emission showed data */
    bool began, began_saved; /* there was data once: from then on countByWindow has a zero to show */
    struct sl_window_kept kept;
    struct sl_window_span span; /* as it was saved last */
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

/* A user's inverse makes results that depend on their history, and keys that stay: they are kept
 * as they are. */
static inline bool sl_window_keeps_running(const struct sl_stage *stage)
{
    const struct sl_reduced_window *window = stage->state;
    return sl_window_has_inverse(window) &&
           window->by_key.aggregate.reducer == &window->by_key.function.reducer;
}

/* As struct sl_wide has them. */
int sl_window_reduce_save(struct sl_stage *stage, struct sl_state_writer *keeper);
int sl_window_reduce_load(struct sl_stage *stage, const struct sl_section *section,
                          const struct sl_dataset *rows);
int sl_window_reduce_loaded(struct sl_stage *stage, int64_t last_ms);
