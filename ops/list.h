/* All operators of ops/ and all built-ins: one line each in list.def. */
#pragma once

#include "core/contract/operator.h"

extern const struct sl_op *const sl_ops[]; /* ends with NULL */

/* Operators that only others are made of (engine/graph/composed.c). */
extern const struct sl_op sl_op_lists_together, sl_op_sort_partition, sl_op_zip_pairs;

struct sl_builtin;
extern const struct sl_builtin *const sl_builtins[];        /* ends with NULL */
const struct sl_builtin *sl_builtin_find(const char *name); /* NULL: there is none */
