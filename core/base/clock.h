/* Time is injected: the real clock or a virtual one that never waits. Milliseconds since the epoch. */
#pragma once

#include <stdint.h>

/* Nanoseconds since the epoch; times that int64_t cannot hold (after 2262, before 1678) are the nearest it can. */
static inline int64_t sl_ns_of(int64_t seconds, uint32_t ns)
{
    if (seconds > INT64_MAX / 1000000000 - 1)
        return INT64_MAX;
    if (seconds < INT64_MIN / 1000000000 + 1)
        return INT64_MIN + 1; /* INT64_MIN means no time */
    return seconds * 1000000000 + ns;
}

struct sl_clock {
    int64_t (*now_ms)(struct sl_clock *clock);
};

/* CLOCK_REALTIME. */
extern struct sl_clock sl_clock_real;

/* now_ms is whatever was last set. */
struct sl_clock_virtual {
    struct sl_clock clock;
    int64_t now_ms;
};
void sl_clock_virtual_init(struct sl_clock_virtual *clock, int64_t now_ms);

/* CLOCK_MONOTONIC, for durations; never decides a result. */
int64_t sl_monotonic_ns(void);
