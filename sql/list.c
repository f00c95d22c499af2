#include "sql/list.h"

const struct sl_op *const sl_sql_ops[] = {&sl_op_sql, NULL};
