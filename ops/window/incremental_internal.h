/* What the files of ops/window/incremental.h share. */
#pragma once

#include "ops/window/incremental.h"

/* The group of a key, which may not exist any more; NULL: there is none. */
struct sl_live *sl_incremental_find(struct sl_incremental *running, const struct sl_stage *stage,
                                    const struct sl_field *key);
/* The same, made (not existing) where there is none; NULL: out of memory. Valid until the next
 * one is made. */
struct sl_live *sl_incremental_place(struct sl_incremental *running, const struct sl_stage *stage,
                                     const struct sl_field *key);
/* Notes that the group changes. 0 or SL_ENOMEM. */
int sl_incremental_touch(struct sl_incremental *running, struct sl_live *live);
/* The group's key looks like this one, which is equal to it. 0 or SL_ENOMEM. */
int sl_incremental_form(struct sl_incremental *running, struct sl_live *live, const struct sl_field *key);

/* The noted groups in the order of keys: entry.state.integer is the index. The caller frees. */
int sl_incremental_sort(const struct sl_incremental *running, struct sl_stage *stage,
                        const struct sl_noted *noted, struct sl_group_entry **ret);
