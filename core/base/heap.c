#include "core/base/heap.h"

#include <malloc.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif

void sl_heap_trim(void)
{
#ifndef HAS_SANITIZER
    (void)malloc_trim(0);
#endif
}
