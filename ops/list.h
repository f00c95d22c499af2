/* All operators of ops/ and all built-ins: one line each in list.def. */
#pragma once

#include "core/contract/operator.h"

extern const struct sl_op *const sl_ops[]; /* ends with NULL */

struct sl_builtin;
extern const struct sl_builtin *const sl_builtins[]; /* ends with NULL */
