#include "core/base/array.h"

#include <stdlib.h>

enum { CAPACITY_MIN = 4 };

void *sl_array_grow_slow(void *array, size_t index, size_t *capacity, size_t item_size)
{
    size_t bigger = *capacity ? *capacity : CAPACITY_MIN / 2, bytes;
    do
        if (__builtin_mul_overflow(bigger, 2, &bigger))
            return NULL;
    while (bigger <= index);
    if (__builtin_mul_overflow(bigger, item_size, &bytes))
        return NULL;
    void *grown = realloc(array, bytes);
    if (grown)
        *capacity = bigger;
    return grown;
}
