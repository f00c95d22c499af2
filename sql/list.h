/* The operator of sql/: engine/graph/sql_plan.c decides when it is used. */
#pragma once

#include "core/contract/operator.h"

extern const struct sl_op sl_op_sql;
extern const struct sl_param sl_sql_params[]; /* its parameters */
