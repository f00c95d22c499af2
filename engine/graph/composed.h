/* Operators that are made of other operators while the graph is built: one line each in composed.c. */
#pragma once

#include "core/contract/operator.h"

extern const struct sl_op *const sl_composed[]; /* ends with NULL */
