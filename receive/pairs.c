#include "receive/pairs.h"

#include <stdlib.h>

/* By key, and of one key in the order in which they came. */
static int compare_pairs(const void *left, const void *right)
{
    const struct sl_field *a = *(const struct sl_field *const *)left,
                          *b = *(const struct sl_field *const *)right;
    int order = sl_field_compare(a, b);
    return order ? order : (a > b) - (a < b);
}

size_t sl_pairs_sort(const struct sl_field *pairs, size_t count, const struct sl_field **order,
                     struct sl_field *ret)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        order[i] = &pairs[2 * i];
    if (count > 1)
        qsort(order, count, sizeof *order, compare_pairs);
    for (size_t i = 0; i < count; i++) {
        if (i + 1 < count && sl_field_compare(order[i], order[i + 1]) == 0)
            continue;
        ret[2 * kept] = order[i][0];
        ret[2 * kept++ + 1] = order[i][1];
    }
    return kept;
}
