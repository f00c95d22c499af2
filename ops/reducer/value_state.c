#include "ops/reducer/value_state.h"

#include <string.h>

static int set_string(struct sl_value_state *held, struct sl_arena *keep, const struct sl_field *value)
{
    if (!held->bytes || value->len > held->capacity) {
        uint8_t *bytes = sl_arena_alloc(keep, value->len + (size_t)1);
        if (!bytes)
            return SL_ENOMEM;
        held->bytes = bytes;
        held->capacity = value->len;
    }
    if (value->len)
        memmove(held->bytes, value->str, value->len);
    held->value = sl_string(held->bytes, value->len);
    return 0;
}

int sl_value_state_set(struct sl_value_state *held, struct sl_arena *keep, const struct sl_field *value)
{
    if (value->tag == SL_STR)
        return set_string(held, keep, value);
    return sl_field_copy(keep, value, &held->value) ? 0 : SL_ENOMEM;
}

int sl_value_state_create(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                          const struct sl_field *value, union sl_state *ret)
{
    struct sl_value_state *held = sl_arena_calloc(keep, 1, sizeof *held);
    if (!held || sl_value_state_set(held, keep, value) < 0)
        return SL_ENOMEM;
    ret->pointer = held;
    return 0;
}

int sl_value_state_finish(const struct sl_reducer *r, struct sl_task *task, const union sl_state *state,
                          struct sl_field *ret)
{
    *ret = sl_value_state_of(state)->value;
    return 0;
}

int sl_value_state_copy(const struct sl_reducer *r, struct sl_task *task, struct sl_arena *keep,
                        const union sl_state *state, union sl_state *ret)
{
    return sl_value_state_create(r, task, keep, &sl_value_state_of(state)->value, ret);
}
