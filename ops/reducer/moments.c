#include "ops/reducer/moments.h"

#include "ops/reducer/total.h"

#include <math.h>

/* The empty total: the encoding of a small one is its double plus one. */
static const union sl_state nothing = {.integer = 1};

void sl_moments_init(struct sl_moments *moments)
{
    *moments = (struct sl_moments){0, nothing, nothing};
}

/* Adds a * b to the total: what the product is rounded to, and what was lost. */
static int add_product(const char *who, struct sl_task *task, struct sl_arena *keep, union sl_state *total,
                       double a, double b)
{
    double product = a * b;
    struct sl_field part = sl_number(product);
    int r = sl_total_merge(who, task, keep, total, &part);
    if (r < 0 || !isfinite(product))
        return r;
    part = sl_number(fma(a, b, -product));
    return sl_total_merge(who, task, keep, total, &part);
}

/* An integer beyond 53 bits is two doubles: x * x = d * d + 2 * d * rest + rest * rest. */
static int add_square(const char *who, struct sl_task *task, struct sl_arena *keep, union sl_state *total,
                      const struct sl_field *value)
{
    double number = value->tag == SL_INT ? (double)value->integer : value->number;
    double rest = value->tag == SL_INT ? (double)((__int128)value->integer - (__int128)number) : 0;
    int r = add_product(who, task, keep, total, number, number);
    if (r == 0 && rest != 0)
        r = add_product(who, task, keep, total, 2 * number, rest);
    return r < 0 || rest == 0 ? r : add_product(who, task, keep, total, rest, rest);
}

int sl_moments_add(const char *who, struct sl_task *task, struct sl_arena *keep, struct sl_moments *moments,
                   const struct sl_field *value)
{
    int r = sl_total_merge(who, task, keep, &moments->sum, value);
    if (r < 0)
        return r;
    moments->count++;
    return add_square(who, task, keep, &moments->squares, value);
}

int sl_moments_combine(struct sl_arena *keep, struct sl_moments *moments, const struct sl_moments *other,
                       bool undo)
{
    moments->count += undo ? -other->count : other->count;
    int r = sl_total_combine(keep, &moments->sum, &other->sum, undo);
    return r < 0 ? r : sl_total_combine(keep, &moments->squares, &other->squares, undo);
}

int sl_moments_copy(struct sl_arena *keep, const struct sl_moments *moments, struct sl_moments *ret)
{
    ret->count = moments->count;
    int r = sl_total_copy(keep, &moments->sum, &ret->sum);
    return r < 0 ? r : sl_total_copy(keep, &moments->squares, &ret->squares);
}

/* ---- results ---- */

int sl_moments_mean(struct sl_task *task, const struct sl_moments *moments, double *ret)
{
    *ret = 0;
    return moments->count < 1 ? 0 : sl_total_mean(task, &moments->sum, (uint64_t)moments->count, ret);
}

enum { PARTS = 3 };

/* The sum as doubles of falling size, the last of which is rounded. */
static int split_sum(const char *who, struct sl_task *task, const union sl_state *sum, double part[PARTS])
{
    union sl_state rest;
    int r = sl_total_copy(task->scratch, sum, &rest);
    for (int i = 0; r == 0 && i < PARTS; i++) {
        r = sl_total_mean(task, &rest, 1, &part[i]);
        struct sl_field taken = sl_number(-part[i]);
        if (r == 0 && isfinite(part[i]))
            r = sl_total_merge(who, task, task->scratch, &rest, &taken);
    }
    return r;
}

/* The sum of (x - m)^2 for a number m near the mean: squares - 2 * m * sum + count * m * m, exact up to what
 * the last part of the sum lost. */
static int sum_of_deviations(const char *who, struct sl_task *task, const struct sl_moments *moments,
                             double m, double *ret)
{
    double part[PARTS], square = m * m, rest = fma(m, m, -square), count = (double)moments->count;
    union sl_state total;
    int r = split_sum(who, task, &moments->sum, part);
    if (r == 0)
        r = sl_total_copy(task->scratch, &moments->squares, &total);
    for (int i = 0; r == 0 && i < PARTS; i++)
        r = add_product(who, task, task->scratch, &total, -2 * m, part[i]);
    if (r == 0)
        r = add_product(who, task, task->scratch, &total, count, square);
    if (r == 0)
        r = add_product(who, task, task->scratch, &total, count, rest);
    return r < 0 ? r : sl_total_mean(task, &total, 1, ret);
}

/* By how much the mean is greater than m, to which it was rounded. */
static int mean_rest(const char *who, struct sl_task *task, const struct sl_moments *moments, double m,
                     double *ret)
{
    union sl_state rest;
    int r = sl_total_copy(task->scratch, &moments->sum, &rest);
    if (r == 0)
        r = add_product(who, task, task->scratch, &rest, -(double)moments->count, m);
    return r < 0 ? r : sl_total_mean(task, &rest, (uint64_t)moments->count, ret);
}

int sl_moments_variance(const char *who, struct sl_task *task, const struct sl_moments *moments, double *ret)
{
    double mean, deviations, rest;
    int r = sl_moments_mean(task, moments, &mean);
    *ret = NAN;
    if (r < 0 || moments->count < 1 || !isfinite(mean))
        return r;
    r = sum_of_deviations(who, task, moments, mean, &deviations);
    if (r == 0)
        r = mean_rest(who, task, moments, mean, &rest);
    if (r < 0)
        return r;
    double variance = deviations / (double)moments->count - rest * rest;
    *ret = variance < 0 ? 0 : variance;
    return 0;
}

/* ---- the row encoding ---- */

int sl_moments_encode(struct sl_task *task, const struct sl_moments *moments, struct sl_field *items)
{
    items[0] = sl_integer(moments->count);
    int r = sl_total_encode(task, &moments->sum, &items[1]);
    return r < 0 ? r : sl_total_encode(task, &moments->squares, &items[2]);
}

int sl_moments_decode(struct sl_task *task, struct sl_arena *keep, const struct sl_field *items,
                      struct sl_moments *ret)
{
    if (items[0].tag != SL_INT)
        return sl_error_set(task->err, SL_EDAMAGED, "a stored variance is damaged");
    ret->count = items[0].integer;
    int r = sl_total_decode(task, keep, &items[1], &ret->sum);
    return r < 0 ? r : sl_total_decode(task, keep, &items[2], &ret->squares);
}
