/* The decimal digits of a float: the shortest that read back, of those the nearest. What all notations of
 * floats (Python's repr, Java's toString) are made from. */
#pragma once

#include <stdint.h>

enum { SL_DECIMAL_DIGITS_MAX = 17 };

/* The value is 0.<digits> * 10^point; the first and last digits are not zero. */
struct sl_decimal {
    char digits[SL_DECIMAL_DIGITS_MAX];
    int count;
    int point;
};

/* number must be finite and above 0. */
void sl_decimal_shortest(double number, struct sl_decimal *ret);
