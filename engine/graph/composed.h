/* Operators that are made of other operators while the graph is built: one line each in composed.c. */
#pragma once

#include "core/contract/operator.h"

extern const struct sl_op *const sl_composed[]; /* ends with NULL */

extern const struct sl_op sl_op_sql_query; /* engine/graph/sql_plan.c */
