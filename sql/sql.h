/* SQL over rows: a SQLite database in memory whose tables are datasets. One query, on one thread.
 *
 *     sl_sql_open(&options, &sql, &err)
 *     sl_sql_attach(sql, path, immutable, &err)    optional: a database file, read-only, as "catalog"
 *     sl_sql_add(sql, &table, &err)                any number of times
 *     sl_sql_prepare(sql, text, len, &err)         then names of the result's columns are known
 *     sl_sql_next(sql, fields, &err)               until it gives 0
 *     sl_sql_close(sql)
 *
 * Only a query is accepted: nothing can be written, opened or set by one. SQLite reads the rows where they are, by way
 * of a virtual table (sql/table.c). Without a seed of chance and without the clock (options.repeatable) equal rows give
 * equal results. */
#pragma once

#include "core/base/error.h"
#include "core/rows/dataset.h"

#include <stdatomic.h>

struct sl_sql;

struct sl_sql_options {
    bool repeatable;         /* random() and the clock are refused */
    int64_t batch_ms;        /* what batch_time() gives, where repeatable */
    int64_t timeout_ms;      /* from open to the last row; 0: none */
    const _Atomic int *stop; /* not 0: give up with SL_ESTOP; may be NULL */
    size_t memory_max;       /* bytes of SQLite's cache before it sorts on disk; 0: its default */
    bool on_disk;            /* the database is a temporary file, not in memory */
};

/* A table of a query; the caller's, and so is what it points to, until sl_sql_close. */
struct sl_sql_table {
    const char *name;
    uint32_t columns;         /* 0: not known: _1 to _64, which SELECT * does not show */
    const char *const *names; /* [columns], different but for case too; NULL: _1, _2 ... */
    struct sl_dataset *rows;  /* NULL: none. Resolved by the table */
    bool is_sorted;           /* by the first column, in SQLite's order */
    /* Optional: called when a query names the table; sets what is above. */
    int (*open)(struct sl_sql_table *table, struct sl_error *err);
    void *arg; /* of open */
};

int sl_sql_open(const struct sl_sql_options *options, struct sl_sql **ret, struct sl_error *err);
void sl_sql_close(struct sl_sql *sql);

/* immutable: no other process has the file open, and nothing may be made beside it. Queries see the views of the file,
 * not its tables. */
int sl_sql_attach(struct sl_sql *sql, const char *path, bool immutable, struct sl_error *err);
/* Reads the attached file again from its beginning: from now on the queries see its newest commit. */
int sl_sql_refresh(struct sl_sql *sql, struct sl_error *err);
/* The first column of the only row of a statement of ours; caller frees. */
int sl_sql_text(struct sl_sql *sql, const char *statement, char **ret, struct sl_error *err);

int sl_sql_add(struct sl_sql *sql, struct sl_sql_table *table, struct sl_error *err);

/* SL_EUSAGE: it is no query or does not compile; the text says at which line and column of the query, and which columns
 * there are. What a table's open says is passed on. After a failure tables may be added and another text be tried. */
int sl_sql_prepare(struct sl_sql *sql, const char *text, size_t len, struct sl_error *err);
uint32_t sl_sql_width(const struct sl_sql *sql);
const char *sl_sql_column_name(const struct sl_sql *sql, uint32_t i); /* borrowed until close */

/* 1 and a row of sl_sql_width fields, borrowed until the next call; 0 after the last; SL_EFAIL: the query failed on a
 * value or took too long; SL_ESTOP, SL_ENOMEM. */
int sl_sql_next(struct sl_sql *sql, struct sl_field *fields, struct sl_error *err);

/* Whether the first column of the rows is in SQLite's order. Stops at the first that is not. */
bool sl_sql_is_sorted(const struct sl_dataset *rows);
