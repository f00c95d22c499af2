/* A number with a unit as users write it: what durations and sizes have in common. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct sl_unit {
    const char *suffix;
    double factor;
};

/* Digits with at most one point, at most 15 of them, then the suffix of a unit, which may be empty. False: it is none. */
bool sl_measure_parse(const char *text, size_t len, const struct sl_unit *units, size_t count, double *ret);
