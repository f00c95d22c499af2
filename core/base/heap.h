/* The C library's heap. */
#pragma once

/* Gives freed blocks back to the system, which would count against memoryLimit as much as used ones. Any thread may call
 * it. Does nothing in a program with a sanitizer: the sanitizer has its own allocator, and glibc's malloc_trim, which then
 * initializes the unused heap, is not safe in two threads at once. */
void sl_heap_trim(void);
