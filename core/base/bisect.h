/* Binary search, for sequences that are sorted by whatever one looks for. */
#pragma once

#include <stddef.h>

/* The first index in [from, to) for which `before` is false, or `to`. `before` is an expression over `i`, which the macro
 * declares; it must be true up to some index and false from there on:
 *
 *     size_t at = SL_BISECT(i, 0, count, time[i] < wanted); */
#define SL_BISECT(i, from, to, before)                                                                       \
    __extension__({                                                                                          \
        size_t low_ = (from), high_ = (to);                                                                  \
        while (low_ < high_) {                                                                               \
            size_t i = low_ + (high_ - low_) / 2;                                                            \
            if (before)                                                                                      \
                low_ = i + 1;                                                                                \
            else                                                                                             \
                high_ = i;                                                                                   \
        }                                                                                                    \
        low_;                                                                                                \
    })
