/* Values that come from programs in C, of which nothing is known: a deep copy that is checked on the way. */
#pragma once

#include "sluice/types.h"

struct sl_arena;

/* A deep copy of *f as every value is: known tags, nested up to SL_DEPTH_MAX, maps sorted by keys that are strings and
 * unique. 0; SL_ENOMEM; SL_EREJECT, then *ret_why is what it is instead ("a map with a key that is no string"). */
int sl_checked_copy(struct sl_arena *arena, const struct sl_field *f, struct sl_field *ret,
                    const char **ret_why);
