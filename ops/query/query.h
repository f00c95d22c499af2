/* Simple SQL queries as operators of ours (engine/graph/sql_plan.c makes them of sql/plan.h):
 *
 *     SELECT columns WHERE            sqlSelect
 *     ... GROUP BY columns            sqlRows: (key, arguments of the aggregates), reduceByKey(aggregates), sqlGroups
 *
 * What they do is what SQLite does with values: fields become SQLite's as in sql/value.c (NaN is NULL, booleans are 1 and 0,
 * lists and maps JSON text, what is not UTF-8 a blob), and are compared as it compares columns without a type. */
#pragma once

#include "core/contract/operator.h"

enum sl_aggregate {
    SL_AGGREGATE_COUNT,
    SL_AGGREGATE_SUM,
    SL_AGGREGATE_AVG,
    SL_AGGREGATE_MIN,
    SL_AGGREGATE_MAX
};

/* A reducer of lists of as many values: one aggregate each. NULL: out of memory. */
struct sl_function *sl_aggregates_new(const enum sl_aggregate *kinds, uint32_t count);

/* As SQLite sees the field; lists and maps become text in the arena. False: out of memory. */
bool sl_query_value(const struct sl_field *field, struct sl_arena *arena, struct sl_field *ret);
/* SQLite's order: NULL, numbers, texts, blobs. Of values that sl_query_value gave. */
int sl_query_compare(const struct sl_field *a, const struct sl_field *b);

/* Their parameters are lists: columns count from 1; a condition is {column, operator, value}, operators are "=", "<>", "<",
 * "<=", ">", ">=", "null" and "not null" (whose value is nil). The last are the names of the columns of what comes out, or
 * nil. */
extern const struct sl_op sl_op_sql_select; /* query, conditions, columns, names */
extern const struct sl_op sl_op_sql_rows;   /* conditions, key columns, argument columns (0: none) */
extern const struct sl_op
    sl_op_sql_groups; /* query, items, whether the key is one column, names: item n > 0 is column n of the key, -n aggregate n */
