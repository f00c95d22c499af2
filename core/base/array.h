/* Arrays on the heap that grow at their end, by doubling. */
#pragma once

#include <stddef.h>

/* Room for one item more than `count`. Returns the array, which may have moved, and keeps *capacity (0 at
 * first, with array NULL). NULL: out of memory; the array is as it was. */
void *sl_array_grow(void *array, size_t count, size_t *capacity, size_t item_size);
