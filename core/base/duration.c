#include "core/base/duration.h"

#include "core/base/measure.h"

#include <math.h>
#include <stdio.h>

static const struct sl_unit units[] = {{"ms", 1},      {"s", 1000},     {"m", 60000},
                                       {"h", 3600000}, {"d", 86400000}, {"", 1000}};

enum { DAYS_MAX = 10000 };

static bool from_ms(double ms, int64_t *ret_ms)
{
    double whole = round(ms);
    if (!(whole >= 1 && whole <= DAYS_MAX * 86400000.0) || fabs(ms - whole) > 1e-6)
        return false;
    *ret_ms = (int64_t)whole;
    return true;
}

bool sl_duration_parse(const char *text, size_t len, int64_t *ret_ms)
{
    double ms;
    return sl_measure_parse(text, len, units, sizeof units / sizeof *units, &ms) && from_ms(ms, ret_ms);
}

bool sl_duration_from_seconds(double seconds, int64_t *ret_ms)
{
    return from_ms(seconds * 1000, ret_ms);
}

void sl_duration_format(int64_t ms, char *text)
{
    int64_t best = ms;
    const char *suffix = "ms";
    for (size_t i = 1; i + 1 < sizeof units / sizeof *units; i++)
        if (ms % (int64_t)units[i].factor == 0) {
            best = ms / (int64_t)units[i].factor;
            suffix = units[i].suffix;
        }
    snprintf(text, 32, "%lld%s", (long long)best, suffix);
}
