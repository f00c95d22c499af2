/* The tables of `sluice query`: the views of a job, earlier versions of them, the state of its operators. What a table
 * holds is read when a query names it. */
#pragma once

#include "cli/kept.h"
#include "cli/target.h"
#include "sql/sql.h"

struct sl_query_table {
    struct sl_sql_table sql; /* first */
    enum sl_query_table_kind { SL_QUERY_VIEW, SL_QUERY_VERSION, SL_QUERY_STATE } kind;
    struct sl_snapshot *snapshot;     /* borrowed */
    const struct sl_columns *columns; /* names of the view's fields; borrowed; NULL: it has none */
    char *name, *path; /* path: of a version's rows on the mount; NULL: the checkpoint has them */
    char *called;      /* its name in a query, which is UTF-8: sql.name */
    size_t keep;       /* of a view: how many versions the job keeps; 0: not known */
    const struct sl_query_table *of; /* a version: the view, */
    int64_t t;                       /* and its time */
    struct sl_shown shown;           /* of a view: what the checkpoint has, with the names of its columns */
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
/* Adds the versions of views that the checkpoint has. */
int sl_query_tables_add_kept(struct sl_query_tables *tables, struct sl_error *err);
/* Adds those that the mount has and the checkpoint has not: many of them were asked for, or they are large. */
int sl_query_tables_add_mounted(struct sl_query_tables *tables, struct sl_target *target,
                                struct sl_error *err);
void sl_query_tables_done(struct sl_query_tables *tables);
