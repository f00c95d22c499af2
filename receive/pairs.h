/* Headers that a sender gives in any order and number: pairs of a map under construction. */
#pragma once

#include "core/rows/field.h"

/* The pairs by key, whose keys are strings; of equal keys the last, as maps of Java have it. `order` and `ret` have room for all
 * of them. No pair is compared with all others: a record of a megabyte may have a hundred thousand. Returns how many are kept. */
size_t sl_pairs_sort(const struct sl_field *pairs, size_t count, const struct sl_field **order,
                     struct sl_field *ret);
