/* Queries that are simple enough for operators of ours (ops/query/query.h):
 *
 *     SELECT column [AS name], ... FROM this [WHERE condition]
 *     SELECT column or count(*), count, sum, avg, min, max(column) ... FROM this [WHERE ...] GROUP BY column, ... [HAVING condition]
 *     SELECT DISTINCT column, ... FROM this [WHERE ...]
 *     ... [ORDER BY column, aggregate, name or number [ASC, DESC] [NULLS FIRST, LAST], ...] [LIMIT number]
 *
 * where columns that are shown are among those of GROUP BY, and conditions are comparisons of a column, in HAVING of an
 * aggregate, too, with a constant, IS NULL, IN and BETWEEN, joined by AND, OR and NOT. Everything else is SQLite's (sql/query.c);
 * so is DISTINCT with LIMIT unless ORDER BY says which rows are first. */
#pragma once

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/contract/columns.h"

enum sl_plan_function { SL_PLAN_COUNT, SL_PLAN_SUM, SL_PLAN_AVG, SL_PLAN_MIN, SL_PLAN_MAX };

struct sl_sql_plan {
    bool is_native, is_grouped;
    uint32_t shown, aggregates;
    struct sl_field where;     /* a condition (sql/plan_condition.c), or nil */
    struct sl_field columns;   /* not grouped: of the result */
    struct sl_field keys;      /* grouped: columns */
    struct sl_field having;    /* as where, operands as items */
    struct sl_field items;     /* n > 0: column n of the key, -n: aggregate n */
    struct sl_field arguments; /* of the aggregates: columns, 0: none */
    /* A list of {place among columns or items, "asc" or "desc", where NULLs come: "first" or "last"}. Of columns and items the
     * first `shown` are the result, others are there for the order. */
    struct sl_field order;
    struct sl_field names; /* of what is shown: a list, or nil */
    int64_t limit;         /* -1: none */
    enum sl_plan_function function[SL_WIDTH_MAX];
};

/* Columns count from 1. columns NULL: not known. table: the name of the only one, "this" or another. Everything it gives is in
 * the arena. A query that does not compile is not native, and no failure: the caller runs it by SQLite, which says why. 0 or
 * SL_ENOMEM. */
int sl_sql_plan_make(const struct sl_columns *columns, const char *table, struct sl_field query,
                     struct sl_arena *arena, struct sl_sql_plan *ret, struct sl_error *err);
