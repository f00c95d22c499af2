/* The operators of sql/: one line each in list.c. */
#pragma once

#include "core/contract/operator.h"

extern const struct sl_op sl_op_sql;

extern const struct sl_op *const sl_sql_ops[]; /* ends with NULL */
