/* Random numbers for tests of properties: the seed is printed, so that a failure can be had again with
 * SLUICE_TEST_SEED=<seed>. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

struct chance {
    uint64_t state;
};

static inline struct chance chance_new(void)
{
    const char *given = getenv("SLUICE_TEST_SEED");
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seed =
        given ? strtoull(given, NULL, 0) : (uint64_t)now.tv_sec * 1000000007u + (uint64_t)now.tv_nsec;
    print_message("# SLUICE_TEST_SEED=%llu\n", (unsigned long long)seed);
    return (struct chance){seed};
}

/* splitmix64. */
static inline uint64_t chance_next(struct chance *chance)
{
    uint64_t z = chance->state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* 0 .. limit - 1. */
static inline size_t chance_below(struct chance *chance, size_t limit)
{
    return (size_t)(chance_next(chance) % limit);
}
