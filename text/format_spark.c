/* "spark": as Scala's println shows records: (a,1), null, List(1, 2), Map(k -> v), doubles as Java
 * prints them. Strings are bare, as there, so this is for eyes and for comparing with Spark, not
 * for reading back. */
#include "text/format_list.h"

#include "text/decimal.h"
#include "text/notation.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Nothing is replaced: bytes stay what they are. */
static bool string(struct sl_buf *buf, const struct sl_field *field, uint64_t *replaced)
{
    return sl_buf_append(buf, field->str, field->len);
}

/* Digits [from, to) of the number, zeros where it has none. */
static bool digits(struct sl_buf *buf, const struct sl_decimal *d, int from, int to)
{
    for (int i = from; i < to; i++)
        if (!sl_buf_byte(buf, (uint8_t)(i >= 0 && i < d->count ? d->digits[i] : '0')))
            return false;
    return true;
}

/* The number with its point after `before` digits: at least one digit on either side. */
static bool with_point(struct sl_buf *buf, const struct sl_decimal *d, int before)
{
    int end = d->count > before ? d->count : before + 1;
    return digits(buf, d, before > 0 ? 0 : before - 1, before) && sl_buf_byte(buf, '.') &&
           digits(buf, d, before, end);
}

/* Java asks for the nearest of two digits where one digit is enough to tell the number; they differ where few are
 * distinguished, among the smallest. */
static void two_digits(double number, struct sl_decimal *d)
{
    char text[32];
    snprintf(text, sizeof text, "%.1e", number);
    if (strtod(text, NULL) != number || text[2] == '0')
        return;
    d->digits[0] = text[0];
    d->digits[1] = text[2];
    d->count = 2;
    d->point = (int)strtol(strchr(text, 'e') + 1, NULL, 10) + 1;
}

/* Java's Double.toString: scientific outside 10^-3 .. 10^7. */
static bool java_finite(struct sl_buf *buf, double number)
{
    struct sl_decimal d = {.digits = "0", .count = 1, .point = 1};
    if (number != 0)
        sl_decimal_shortest(number, &d);
    if (d.count == 1)
        two_digits(number, &d);
    if (number == 0 || (number >= 1e-3 && number < 1e7))
        return with_point(buf, &d, d.point);
    return with_point(buf, &d, 1) && sl_buf_printf(buf, "E%d", d.point - 1);
}

bool sl_java_double(struct sl_buf *buf, double number)
{
    if (isnan(number))
        return sl_buf_text(buf, "NaN");
    if (signbit(number) && !sl_buf_byte(buf, '-'))
        return false;
    return isinf(number) ? sl_buf_text(buf, "Infinity") : java_finite(buf, fabs(number));
}

static bool spark_rows(struct sl_buf *buf, const struct sl_chunk *chunk, uint64_t *replaced)
{
    static const struct sl_notation scala = {.nil = "null",
                                             .true_ = "true",
                                             .false_ = "false",
                                             .list_open = "List(",
                                             .list_close = ")",
                                             .map_open = "Map(",
                                             .map_close = ")",
                                             .separator = ", ",
                                             .arrow = " -> ",
                                             .string = string,
                                             .number = sl_java_double};
    return sl_notation_rows(&scala, "(", ",", ")", buf, chunk, replaced);
}

const struct sl_format sl_format_spark = {
    .name = "spark",
    .summary = "as Scala prints records: (a,1)",
    .rows = spark_rows,
};
