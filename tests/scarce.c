/* Loaded into a program as it is (LD_PRELOAD): memory that runs out.
 *
 *     SLUICE_ALLOCATIONS=FILE     every process writes there, at its exit, how many allocations it made
 *     SLUICE_FAIL_FROM=N          allocation N, and the following
 *     SLUICE_FAIL_COUNT=COUNT     COUNT - 1, give NULL
 *
 * Allocations count from the first call of main's thread after the program has begun; freeing works as ever. */
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static _Atomic uint64_t allocations;
static uint64_t fail_from, fail_to; /* [from, to) */

static int fails(void)
{
    uint64_t number = atomic_fetch_add(&allocations, 1) + 1;
    if (number < fail_from || number >= fail_to)
        return 0;
    errno = ENOMEM;
    return 1;
}

__attribute__((visibility("default"))) void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

__attribute__((visibility("default"))) void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : __libc_calloc(count, size);
}

__attribute__((visibility("default"))) void *realloc(void *block, size_t size)
{
    return fails() ? NULL : __libc_realloc(block, size);
}

__attribute__((visibility("default"))) void *aligned_alloc(size_t alignment, size_t size)
{
    return fails() ? NULL : __libc_memalign(alignment, size);
}

static uint64_t number_of(const char *name)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : 0;
}

__attribute__((constructor)) static void begin(void)
{
    fail_from = number_of("SLUICE_FAIL_FROM");
    fail_to = fail_from + number_of("SLUICE_FAIL_COUNT");
    atomic_store(&allocations, 0);
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("SLUICE_ALLOCATIONS");
    fail_to = 0;
    FILE *file = path ? fopen(path, "w") : NULL;
    if (!file)
        return;
    fprintf(file, "%llu\n", (unsigned long long)atomic_load(&allocations));
    fclose(file);
}
