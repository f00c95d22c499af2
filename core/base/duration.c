#include "core/base/duration.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *suffix;
    double ms;
} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {"", 1000}};

enum { DAYS_MAX = 10000 };

static bool from_ms(double ms, int64_t *ret_ms)
{
    double whole = round(ms);
    if (!(whole >= 1 && whole <= DAYS_MAX * 86400000.0) || fabs(ms - whole) > 1e-6)
        return false;
    *ret_ms = (int64_t)whole;
    return true;
}

/* Digits with at most one point; returns where they end, 0 if there are none. */
static size_t scan_number(const char *text, size_t len, double *ret)
{
    double value = 0, scale = 0;
    size_t i = 0, digits = 0;
    for (; i < len && (text[i] == '.' ? scale == 0 : text[i] >= '0' && text[i] <= '9'); i++) {
        if (text[i] == '.') {
            scale = 1;
            continue;
        }
        value = value * 10 + (text[i] - '0');
        scale *= 10;
        digits++;
    }
    *ret = scale > 1 ? value / scale : value;
    return digits && digits <= 15 ? i : 0;
}

bool sl_duration_parse(const char *text, size_t len, int64_t *ret_ms)
{
    double number;
    size_t at = scan_number(text, len, &number);
    if (!at)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strlen(units[i].suffix) == len - at && memcmp(units[i].suffix, text + at, len - at) == 0)
            return from_ms(number * units[i].ms, ret_ms);
    return false;
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
        if (ms % (int64_t)units[i].ms == 0) {
            best = ms / (int64_t)units[i].ms;
            suffix = units[i].suffix;
        }
    snprintf(text, 32, "%lld%s", (long long)best, suffix);
}
