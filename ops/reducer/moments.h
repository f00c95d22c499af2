/* Count, sum and sum of squares of numbers, exact in any order: what mean, variance and stdev are made of.
 *
 * The square of a double is two doubles, so the sum of squares is exact like the sum (ops/reducer/total.h). The
 * variance is rounded once or twice and does not depend on the order of the values. */
#pragma once

#include "core/contract/reducer.h"

struct sl_moments {
    int64_t count;
    union sl_state sum, squares; /* ops/reducer/total.h */
};

/* Of nothing yet. */
void sl_moments_init(struct sl_moments *moments);
/* SL_EREJECT if the value is no number ("stdev: ..." by `who`). */
int sl_moments_add(const char *who, struct sl_task *task, struct sl_arena *keep, struct sl_moments *moments,
                   const struct sl_field *value);
int sl_moments_combine(struct sl_arena *keep, struct sl_moments *moments, const struct sl_moments *other,
                       bool undo);
int sl_moments_copy(struct sl_arena *keep, const struct sl_moments *moments, struct sl_moments *ret);

/* Population mean and variance, as Spark's mean() and variance(): 0.0 and NaN where there are no values. */
int sl_moments_mean(struct sl_task *task, const struct sl_moments *moments, double *ret);
int sl_moments_variance(const char *who, struct sl_task *task, const struct sl_moments *moments, double *ret);

/* Three items: count, sum, squares. SL_EDAMAGED where they are none. */
enum { SL_MOMENTS_ITEMS = 3 };
int sl_moments_encode(struct sl_task *task, const struct sl_moments *moments, struct sl_field *items);
int sl_moments_decode(struct sl_task *task, struct sl_arena *keep, const struct sl_field *items,
                      struct sl_moments *ret);
