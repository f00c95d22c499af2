#include "ops/reducer/strict_order.h"

#include <string.h>

static int compare_bits(double a, double b)
{
    uint64_t x, y;
    memcpy(&x, &a, sizeof x);
    memcpy(&y, &b, sizeof y);
    return (x > y) - (x < y);
}

/* Of equal fields. Depth is bounded by SL_DEPTH_MAX where fields are made. */
static int compare_look(const struct sl_field *a, const struct sl_field *b)
{
    if (a->tag != b->tag)
        return a->tag < b->tag ? -1 : 1;
    if (a->tag == SL_FLOAT)
        return compare_bits(a->number, b->number);
    if (a->tag != SL_LIST && a->tag != SL_MAP)
        return 0;
    size_t count = a->tag == SL_MAP ? 2 * (size_t)a->len : a->len;
    int order = 0;
    for (size_t i = 0; order == 0 && i < count; i++)
        order = compare_look(&a->items[i], &b->items[i]);
    return order;
}

int sl_field_compare_strictly(const struct sl_field *a, const struct sl_field *b)
{
    int order = sl_field_compare(a, b);
    return order ? order : compare_look(a, b);
}
