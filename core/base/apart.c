#include "core/base/apart.h"

#include "core/base/error.h"

#include <stdlib.h>
#include <string.h>

void *sl_apart_new(size_t count, size_t size)
{
    size_t bytes;
    sl_assert(size % SL_APART_BYTES == 0);
    if (__builtin_mul_overflow(count ? count : 1, size, &bytes))
        return NULL;
    void *p = aligned_alloc(SL_APART_BYTES, bytes);
    if (p)
        memset(p, 0, bytes);
    return p;
}
