/* Simple SQL queries as operators of ours (engine/graph/sql_plan.c makes them of sql/plan.h):
 *
 *     SELECT columns WHERE            sqlSelect
 *     ... GROUP BY columns            sqlRows: (key, arguments of the aggregates), reduceByKey(aggregates), sqlGroups
 *     DISTINCT                        the same, without aggregates
 *     ORDER BY                        sortBy(order)
 *     LIMIT                           take
 *     what ORDER BY needs only        sqlShown leaves it out again
 *
 * What they do is what SQLite does with values: fields become SQLite's as in sql/value.c (NaN is NULL, booleans are 1 and 0,
 * lists and maps JSON text, what is not UTF-8 a blob), and are compared as it compares columns without a type. */
#pragma once

#include "core/contract/operator.h"

enum sl_query_aggregate {
    SL_AGGREGATE_COUNT,
    SL_AGGREGATE_SUM,
    SL_AGGREGATE_AVG,
    SL_AGGREGATE_MIN,
    SL_AGGREGATE_MAX
};

/* A reducer of lists of as many values: one aggregate each. NULL: out of memory. */
struct sl_function *sl_aggregates_new(const enum sl_query_aggregate *kinds, uint32_t count);

/* As SQLite sees the field; lists and maps become text in the arena. False: out of memory. */
bool sl_query_value(const struct sl_field *field, struct sl_arena *arena, struct sl_field *ret);
bool sl_query_is_utf8(const struct sl_field *text);
/* SQLite's order: NULL, numbers, texts, blobs. Of values that sl_query_value gave. */
int sl_query_compare(const struct sl_field *a, const struct sl_field *b);

/* What ORDER BY sorts by, as one string; of values that sl_query_value gave. A term is {column, "asc" or "desc", "first" or
 * "last"}, where NULLs come. NULL: out of memory. */
struct sl_function *sl_query_order_new(const struct sl_field *terms);

/* The value of an operand of a condition; 0, or a failure. */
typedef int sl_query_operand(void *arg, int64_t operand, struct sl_field *ret);

/* Whether a condition holds; 1, 0 or what an operand failed with. It is {operand, comparison, constant}, with the comparisons
 * "=", "<>", "<", "<=", ">", ">=", "null" and "not null" (whose constant is nil), or {"and" or "or", condition, ...}, or
 * {"not", condition}. */
int sl_query_holds(const struct sl_field *condition, sl_query_operand *operand, void *arg);

/* Columns count from 1; item n > 0 is column n of the key, -n aggregate n. Conditions may be nil, and so may the names of the
 * columns of what comes out. */
extern const struct sl_op sl_op_sql_select; /* query, where, columns, names */
extern const struct sl_op sl_op_sql_shown;  /* how many columns, the first, are left; names */
extern const struct sl_op sl_op_sql_rows;   /* where, key columns, argument columns (0: none) */
extern const struct sl_op sl_op_sql_groups; /* query, having, items, whether the key is one column, names */
