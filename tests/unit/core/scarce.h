/* Memory that runs out: the allocator of a test program, whose Nth allocation fails.
 *
 *     scarce_loop(parse, arg)     parse with the 1st, 2nd ... allocation failing, until it succeeds
 *
 * `parse` returns what it got: 0, or a code. Under a sanitizer, which has its own allocator, nothing fails. */
#pragma once

#include "core/base/error.h"
#include "core/base/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static long scarce_left = -1; /* allocations until one fails; negative: none does */

#ifndef SL_HAS_SANITIZER
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);

static int scarce_fails(void)
{
    return scarce_left >= 0 && scarce_left-- == 0;
}

__attribute__((visibility("default"))) void *malloc(size_t size)
{
    return scarce_fails() ? NULL : __libc_malloc(size);
}

__attribute__((visibility("default"))) void *calloc(size_t count, size_t size)
{
    return scarce_fails() ? NULL : __libc_calloc(count, size);
}

__attribute__((visibility("default"))) void *realloc(void *block, size_t size)
{
    return scarce_fails() ? NULL : __libc_realloc(block, size);
}
#endif

typedef int scarce_call(void *arg);

/* Every failure is SL_ENOMEM. Returns how many allocations failed. */
static inline long scarce_loop(scarce_call *call, void *arg)
{
    for (long n = 0;; n++) {
        scarce_left = n;
        int r = call(arg);
        int failed = scarce_left < 0;
        scarce_left = -1;
        if (r == 0)
            return n;
        if (r != SL_ENOMEM || !failed)
            fail_msg("allocation %ld failed: %d, not out of memory", n + 1, r);
    }
}
