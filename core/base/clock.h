/* Time is injected: the real clock or a virtual one that never waits. Milliseconds since the epoch. */
#pragma once

#include <stdint.h>

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
