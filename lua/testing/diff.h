/* How two values differ, for people: the items of two lists line by line, `-` wanted and not there, `+` there
 * and not wanted; other values as a whole. */
#pragma once

#include "core/base/buf.h"
#include "core/rows/field.h"

/* False: out of memory. */
bool sl_diff_append(struct sl_buf *buf, const struct sl_field *want, const struct sl_field *got);
