/* The tables of `sluice query`: the views of a job, the versions of them that its mount keeps, the state of its
 * operators. What a table holds is read when a query names it. */
#pragma once

#include "cli/kept.h"
#include "cli/target.h"
#include "sql/sql.h"

struct sl_query_table {
    struct sl_sql_table sql; /* first */
    enum sl_query_table_kind { SL_QUERY_VIEW, SL_QUERY_VERSION, SL_QUERY_STATE } kind;
    struct sl_snapshot *snapshot;     /* borrowed */
    const struct sl_columns *columns; /* of the view, where the job says so; borrowed, or NULL */
    char *name, *path;                /* path: of a version's rows */
    struct sl_dataset *rows;
    const char *column[SL_WIDTH_MAX];
    char number[SL_WIDTH_MAX][16];
};

struct sl_query_tables {
    size_t count, capacity;
    struct sl_query_table **table;
};

/* Lists them; nothing is read yet. The target and the snapshot must outlive them. */
int sl_query_tables_open(struct sl_target *target, struct sl_snapshot *snapshot, struct sl_query_tables *ret,
                         struct sl_error *err);
void sl_query_tables_done(struct sl_query_tables *tables);
