#include "core/base/clock.h"

#include <time.h>

static int64_t read_clock_ns(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t real_now_ms(struct sl_clock *clock)
{
    return read_clock_ns(CLOCK_REALTIME) / 1000000;
}

struct sl_clock sl_clock_real = {real_now_ms};

static int64_t virtual_now_ms(struct sl_clock *clock)
{
    return ((struct sl_clock_virtual *)clock)->now_ms;
}

void sl_clock_virtual_init(struct sl_clock_virtual *clock, int64_t now_ms)
{
    clock->clock.now_ms = virtual_now_ms;
    clock->now_ms = now_ms;
}

int64_t sl_monotonic_ns(void)
{
    return read_clock_ns(CLOCK_MONOTONIC);
}
