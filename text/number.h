/* Numbers to text and back. Floats as Python's repr: the shortest digits that read back, 1.0, 1e+22, 5e-324,
 * -0.0, inf, -inf, nan. Independent of the locale. */
#pragma once

#include "core/base/buf.h"

enum { SL_FLOAT_TEXT_MAX = 32 };

/* Writes at most SL_FLOAT_TEXT_MAX bytes, no NUL; returns the length. */
size_t sl_float_format(double number, char *text);
bool sl_buf_float(struct sl_buf *buf, double number);

/* The whole text must be the number (no surrounding space). Decimal integers with an optional sign in int64
 * range; floats as Python's float() reads them, without underscores, also inf and nan. */
bool sl_integer_parse(const void *text, size_t len, int64_t *ret);
bool sl_float_parse(const void *text, size_t len, double *ret);
