/* A reducer's state that is one of the values: min, max, first, last.
 *
 * The functions fit into struct sl_reducer_ops as they are; a reducer adds merge and combine, which replace
 * the value with sl_value_state_set. A string is copied over the one before where it fits, so a group that changes
 * often does not grow. */
#pragma once

#include "core/contract/reducer.h"

struct sl_value_state {
    struct sl_field value;
    uint8_t *bytes; /* of string values */
    uint32_t capacity;
};

static inline struct sl_value_state *sl_value_state_of(const union sl_state *state)
{
    return state->pointer;
}

int sl_value_state_set(struct sl_value_state *held, struct sl_arena *keep, const struct sl_field *value);

int sl_value_state_create(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                          const struct sl_field *value, union sl_state *ret);
int sl_value_state_finish(const struct sl_reducer *r, struct sl_task *task, const union sl_state *state,
                          struct sl_field *ret);
int sl_value_state_copy(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                        const union sl_state *state, union sl_state *ret);
