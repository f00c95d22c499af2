/* The reducers of stats, variance and stdev, for operators that use them by themselves. */
#pragma once

#include "core/contract/reducer.h"

extern const struct sl_reducer sl_reducer_stats, sl_reducer_variance, sl_reducer_stdev;

/* What stats gives: a map count, max, mean, min, stdev; pairs[10] in the caller's memory. */
enum { SL_STATS_FIELDS = 10 };
struct sl_field sl_stats_map(struct sl_field *pairs, int64_t count, double mean, double stdev,
                             struct sl_field least, struct sl_field most);
