#include "core/base/array.h"

#include <stdlib.h>

enum { CAPACITY_MIN = 16 };

void *sl_array_grow(void *array, size_t count, size_t *capacity, size_t item_size)
{
    if (count < *capacity)
        return array;
    size_t bigger = *capacity ? 2 * *capacity : CAPACITY_MIN, bytes;
    if (__builtin_mul_overflow(bigger, item_size, &bytes))
        return NULL;
    void *grown = realloc(array, bytes);
    if (grown)
        *capacity = bigger;
    return grown;
}
