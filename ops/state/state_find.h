/* Finding keys in the runs of a state that exceeds memoryLimit (ops/state/state_runs.h). */
#pragma once

#include "ops/state/state_runs.h"

/* Any thread, while the list of runs does not change. 1 and the newest row of the key, in the arena; 0: no run has it; or a failure of reading. */
int sl_state_runs_find(const struct sl_state_runs *runs, const struct sl_field *key, uint64_t hash,
                       struct sl_arena *arena, struct sl_stored_cell *ret, struct sl_error *err);

/* The same for keys in their order: of each run the block that was read last is kept, so that neighbours are read
 * once. Begins as zeros; the runs must not change meanwhile. */
struct sl_state_finder {
    struct sl_state_found_block {
        const struct sl_chunk *chunk; /* NULL: none yet */
        size_t number;
        struct sl_arena arena;
    } block[SL_STATE_RUNS_MAX];
};

/* What is found is borrowed until the next call. */
int sl_state_finder_find(struct sl_state_finder *finder, const struct sl_state_runs *runs,
                         const struct sl_field *key, uint64_t hash, struct sl_stored_cell *ret,
                         struct sl_error *err);
void sl_state_finder_done(struct sl_state_finder *finder);
