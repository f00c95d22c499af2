/* All sinks, outputs whose results leave the machine's file systems: one line each in list.c. */
#pragma once

#include "core/contract/operator.h"

extern const struct sl_op *const sl_sinks[]; /* ends with NULL */
