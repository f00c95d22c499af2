/* The C library's heap. */
#pragma once

/* Defined in a program with a sanitizer that has its own allocator. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SL_HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SL_HAS_SANITIZER 1
#endif
#endif

/* Gives freed blocks back to the system, which would count against memoryLimit as much as used ones. Any thread may call
 * it. Does nothing in a program with a sanitizer: the sanitizer has its own allocator, and glibc's malloc_trim, which then
 * initializes the unused heap, is not safe in two threads at once. */
void sl_heap_trim(void);
