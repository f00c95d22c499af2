/* The order of docs/manual.md, "Records" with nothing left equal that is not the same: where values are
 * equal and look different (1 and 1.0, 0.0 and -0.0), which of them a reducer keeps must not depend on
 * who came first. */
#pragma once

#include "core/rows/field.h"

/* As sl_field_compare; of equal values, integers come before floats and 0.0 before -0.0, also inside of
 * lists and maps. 0 only for fields of the same representation. */
int sl_field_compare_strictly(const struct sl_field *a, const struct sl_field *b);
