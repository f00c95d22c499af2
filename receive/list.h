/* All received sources: one line each in list.c. */
#pragma once

#include "core/contract/operator.h"

extern const struct sl_op *const sl_received_sources[]; /* ends with NULL */
