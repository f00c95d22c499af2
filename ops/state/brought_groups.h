/* What a batch brings to keyed state: its groups, lists of values in the order of keys, in memory or, where they exceed
 * memoryLimit, as rows on disk. */
#pragma once

#include "ops/group/aggregate.h"

struct sl_brought_groups {
    struct sl_sorted_groups *sorted; /* or NULL */
    struct sl_dataset *rows;         /* or NULL: (key, list of values) */
};

/* Finishes the aggregate, whose reducer is list. The caller ends *ret, also after a failure. */
int sl_brought_groups_take(struct sl_aggregate *aggregate, struct sl_brought_groups *ret);
void sl_brought_groups_done(struct sl_brought_groups *groups);

size_t sl_brought_groups_count(const struct sl_brought_groups *groups);
/* The first group whose key is not before this one; the count: none. */
size_t sl_brought_groups_first(const struct sl_brought_groups *groups, const struct sl_field *key);
