/* All sources: one line each in list.c. */
#pragma once

#include "core/contract/operator.h"

extern const struct sl_op *const sl_sources[]; /* ends with NULL */
