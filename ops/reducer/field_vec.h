/* A list of fields that grows in an arena: what reducers keep of many values. */
#pragma once

#include "core/base/arena.h"
#include "core/rows/field.h"

struct sl_kept {
    struct sl_field *item;
    uint32_t count, capacity;
};

/* Appends the field as it is. False: out of memory, or more than 2^31 items. */
bool sl_kept_append(struct sl_kept *kept, struct sl_arena *keep, struct sl_field field);
/* Appends a deep copy. */
bool sl_kept_append_copy(struct sl_kept *kept, struct sl_arena *keep, const struct sl_field *field);
/* Room for `more` items. */
bool sl_kept_reserve(struct sl_kept *kept, struct sl_arena *keep, uint32_t more);
