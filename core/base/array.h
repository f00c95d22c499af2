/* Arrays on the heap that grow at their end, by doubling. */
#pragma once

#include <stddef.h>

void *sl_array_grow_slow(void *array, size_t index, size_t *capacity, size_t item_size);

/* Room for an item at `index`, as a rule the number of items. Returns the array, which may have moved, and keeps
 * *capacity (0 at first, with array NULL). New items are not initialized. NULL: out of memory; the array is as it
 * was. */
static inline void *sl_array_grow(void *array, size_t index, size_t *capacity, size_t item_size)
{
    return index < *capacity ? array : sl_array_grow_slow(array, index, capacity, item_size);
}
