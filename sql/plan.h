/* Queries that are simple enough for operators of ours (ops/query/query.h):
 *
 *     SELECT column [AS name], ... FROM this [WHERE column = literal AND ...]
 *     SELECT column or count(*), count, sum, avg, min, max(column) ... FROM this [WHERE ...] GROUP BY column, ...
 *
 * where columns that are shown are among those of GROUP BY. Everything else is SQLite's (sql/query.c). */
#pragma once

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/contract/columns.h"

enum sl_plan_function { SL_PLAN_COUNT, SL_PLAN_SUM, SL_PLAN_AVG, SL_PLAN_MIN, SL_PLAN_MAX };

struct sl_sql_plan {
    bool is_native, is_grouped;
    struct sl_field conditions; /* a list of {column, comparison, literal} */
    struct sl_field columns;    /* not grouped: of the result */
    struct sl_field keys;       /* grouped: columns */
    struct sl_field items;      /* n > 0: column n of the key, -n: aggregate n */
    struct sl_field arguments;  /* of the aggregates: columns, 0: none */
    struct sl_field names;      /* of the result's columns: a list, or nil */
    uint32_t aggregates;
    enum sl_plan_function function[SL_WIDTH_MAX];
};

/* Columns count from 1. columns NULL: not known. table: the name of the only one, "this" or another. Everything it gives is in the arena. A query that does not compile is not
 * native, and no failure: who runs it says why. 0 or SL_ENOMEM. */
int sl_sql_plan_make(const struct sl_columns *columns, const char *table, struct sl_field query,
                     struct sl_arena *arena, struct sl_sql_plan *ret, struct sl_error *err);
