#include "core/base/heap.h"

#include <malloc.h>

void sl_heap_trim(void)
{
#ifndef SL_HAS_SANITIZER
    (void)malloc_trim(0);
#endif
}
