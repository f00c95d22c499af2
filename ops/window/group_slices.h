/* Sorted groups (ops/key/sorted_groups.h), in memory or on disk, read as slices by ranges of keys: each slice is in memory. */
#pragma once

#include "ops/key/sorted_groups.h"

struct sl_group_slices {
    struct sl_sorted_groups *groups; /* a reference */
    size_t at;                       /* entries in memory that were taken */
    struct sl_cursor cursor;         /* of groups on disk */
    struct sl_arena block;
    struct sl_field row[SL_WIDTH_MAX]; /* the next one of them */
    uint32_t width;                    /* 0: there is none */
};

/* Takes a reference of its own. */
void sl_group_slices_open(struct sl_group_slices *slices, struct sl_sorted_groups *groups);
void sl_group_slices_close(struct sl_group_slices *slices);

/* The key of the next group; NULL: there is none. Valid until it is taken. */
const struct sl_field *sl_group_slices_key(const struct sl_group_slices *slices);
/* The next group joins `to`, which has room for *capacity, and grows. */
int sl_group_slices_take(struct sl_group_slices *slices, struct sl_stage *stage,
                         const struct sl_reducer *reducer, struct sl_sorted_groups *to, size_t *capacity);
/* The next group is passed over. */
void sl_group_slices_skip(struct sl_group_slices *slices);
/* All next ones before the key, NULL: all, as groups of their own. */
int sl_group_slices_until(struct sl_group_slices *slices, struct sl_stage *stage,
                          const struct sl_reducer *reducer, const struct sl_field *until,
                          struct sl_sorted_groups **ret);
/* One group by its key, also of groups on disk: 1 and the entry, in memory that lasts or in `keep`; 0: there is none; or a
 * failure. */
int sl_group_slices_find(const struct sl_sorted_groups *groups, struct sl_stage *stage,
                         const struct sl_reducer *reducer, const struct sl_field *key, struct sl_arena *keep,
                         struct sl_group_entry *ret);
