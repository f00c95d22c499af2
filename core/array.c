#include "core/array.h"

#include <stdlib.h>

enum { CAPACITY_MIN = 16 };

void *sl_array_grow(void *array, size_t count, size_t *capacity, size_t item_size)
{
    if (count < *capacity)
        return array;
    size_t bigger = *capacity ? 2 * *capacity : CAPACITY_MIN;
    void *grown = reallocarray(array, bigger, item_size);
    if (grown)
        *capacity = bigger;
    return grown;
}
