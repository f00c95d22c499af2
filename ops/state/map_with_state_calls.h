/* The calls of one batch of mapWithState: of its function for the records, then for keys that time out. */
#pragma once

#include "ops/state/keyed_calls.h"
#include "ops/state/state_map.h"

struct sl_map_with_state_calls {
    struct sl_stage *stage;
    struct sl_state_map *parts;
    struct sl_keyed_calls *rounds; /* takes the rows that the function returns */
    int64_t timeout_ms;            /* 0: none */
};

/* For every record, in their order. 0, or a failure that ends the batch. */
int sl_map_with_state_calls_call_records(const struct sl_map_with_state_calls *mapping,
                                         const struct sl_dataset *input);

/* For every key that had no record for the timeout, in the order of keys; then it is gone. */
int sl_map_with_state_calls_time_out(const struct sl_map_with_state_calls *mapping);
