/* What mapWithState keeps, for its own files only: map_with_state.c (batches, the checkpoint), which needs
 * map_with_state_shards.c, and both this. */
#pragma once

#include "core/contract/collect.h"
#include "ops/state/state_map.h"

struct sl_map_with_state_memory {
    struct sl_state_map parts;        /* first: what stateSnapshots shows */
    const struct sl_dataset *initial; /* not yet in the cells; NULL: none */
};

/* The state of its stage. */
struct sl_map_with_state_batch {
    struct sl_collect collect; /* first */
    /* Of a shard: the number of each record, ascending, among those of all shards. */
    uint64_t *number;
    size_t numbers, capacity;
    bool has_changes; /* of shards */
};

/* 0: none. */
int64_t sl_map_with_state_timeout(const struct sl_node *node);
/* The first step of a batch, before cells change. 0 or SL_ENOMEM. */
int sl_map_with_state_begin(struct sl_stage *stage);
/* A row as save gives it becomes the cell of its key; is_noted: it is noted when the key was seen. */
int sl_map_with_state_put_row(struct sl_stage *stage, const struct sl_field *row, uint32_t width,
                              bool is_noted);

/* map_with_state_shards.c */
void sl_map_with_state_batch_done(struct sl_stage *stage);
extern const struct sl_partial sl_map_with_state_partial;
extern const struct sl_sharded sl_map_with_state_sharded;
