/* Reducers that operators use by themselves: groupByKey is
 * reduceByKey(list), countByKey reduceByKey(count). */
#pragma once

#include "core/contract/reducer.h"

extern const struct sl_reducer sl_reducer_count;   /* integers; the values do not matter */
extern const struct sl_reducer sl_reducer_list;    /* the values as a list, in input order */
extern const struct sl_reducer sl_reducer_mean;    /* of numbers */
extern const struct sl_reducer sl_reducer_sum;     /* of numbers */
extern const struct sl_reducer sl_reducer_nothing; /* keeps no value: distinct */
