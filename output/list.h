/* All outputs: one line each in list.c. */
#pragma once

#include "core/contract/operator.h"

extern const struct sl_op *const sl_outputs[]; /* ends with NULL */
