/* The calls of the function of updateStateByKey: keys are gathered until there are many, and then the function is called
 * for all of them, at once where it offers that, which costs less than a call for each.
 *
 * sl_update_calls_init; for each key, in order, sl_update_calls_add, and sl_update_calls_run where they are enough
 * and at the end. Results are appended in the order of the keys. Belongs to one worker. */
#pragma once

#include "core/contract/operator.h"

enum {
    SL_UPDATE_CALLS = 128,      /* so many that their arguments stay in the first cache */
    SL_UPDATE_BYTES = 64 << 10, /* of their arguments: states are as long, and in memory twice until then */
    SL_UPDATE_ARGUMENTS = 4
};

struct sl_update_calls {
    const struct sl_stage *stage;
    struct sl_task *task; /* its scratch has what arguments point to, until the calls are made */
    struct sl_rows *const *rows, *const *changed; /* what keys have now, and what is new in it; borrowed */
    struct sl_chunk chunk;                        /* of the arguments: values, state, key, time */
    struct sl_field argument[SL_UPDATE_ARGUMENTS][SL_UPDATE_CALLS];
    bool has_state[SL_UPDATE_CALLS];
    size_t bytes; /* about what arguments point to */
};

void sl_update_calls_init(struct sl_update_calls *calls, const struct sl_stage *stage, struct sl_task *task,
                          struct sl_rows *const *rows, struct sl_rows *const *changed);

/* Only where they are not enough yet. state: NULL where the key has none. What the fields point to must last until the calls
 * are made; where is_passing it is copied. 0 or SL_ENOMEM. */
int sl_update_calls_add(struct sl_update_calls *calls, const struct sl_field *key,
                        const struct sl_field *values, const struct sl_field *state, bool is_passing);

/* Whether they are to be made now. */
static inline bool sl_update_calls_are_enough(const struct sl_update_calls *calls)
{
    return calls->chunk.rows == SL_UPDATE_CALLS || calls->bytes > SL_UPDATE_BYTES;
}

/* Makes the calls that wait. 0, or a failure that ends the batch. */
int sl_update_calls_run(struct sl_update_calls *calls);
