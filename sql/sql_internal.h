/* The inside of sql/, shared by its files and by no other. */
#pragma once

#include "core/base/buf.h"
#include "core/contract/task.h"
#include "sql/sql.h"

#include <sqlite3.h>

/* The clock of one database: SQLite asks the file system layer for the time. */
struct sl_sql_clock {
    sqlite3_vfs vfs; /* first: a copy of the default one */
    char name[40];
    bool is_registered;
    bool was_asked;
};

struct sl_sql {
    struct sl_sql_options options;
    sqlite3 *handle;
    sqlite3_stmt *statement;
    struct sl_sql_clock clock;
    int64_t deadline_ns; /* 0: none */
    bool timed_out;
    struct sl_error failure; /* of a table's open; code SL_OK: none */
    char refusal[160];       /* why the authorizer refused; "" */
    char *query;             /* as it was given, ends with NUL */
    size_t tables, capacity;
    struct sl_sql_table **table; /* those that were opened, for messages */
    struct sl_task task;         /* for matching patterns */
    struct sl_sql *copies;       /* the database of sql/copy.c, on disk; NULL until open_copies made it */
    int (*open_copies)(struct sl_sql *sql); /* SQLite's code */
    unsigned copies_made;
    bool saw_infinity; /* in the column by which a copy is sorted */
};

/* sql/table.c: makes a module of the table. SQLite's code. */
int sl_sql_module(struct sl_sql *sql, struct sl_sql_table *table);
/* sql/functions.c, sql/explode.c. SQLite's code. */
int sl_sql_add_functions(struct sl_sql *sql);
int sl_sql_add_explode(struct sl_sql *sql);
int sl_sql_add_sums(struct sl_sql *sql);       /* sql/sums.c */
int sl_sql_add_percentile(struct sl_sql *sql); /* sql/percentile.c */
/* sql/value.c: a field as a result. is_lasting: its bytes live as long as the statement. */
void sl_sql_result(sqlite3_context *context, const struct sl_field *field, bool is_lasting);
bool sl_sql_is_utf8(const uint8_t *bytes, size_t len);

/* sql/hash.c. False: the field equals nothing, or SQLite sees a text that is made for it (lists, maps). */
bool sl_sql_hash_field(const struct sl_field *field, uint32_t *ret);
uint32_t sl_sql_hash_value(sqlite3_value *value);
/* A number that is infinite, or a text that SQLite may take for one: these two may be equal and have unequal hashes. */
bool sl_sql_is_infinite(sqlite3_value *value);

/* sql/copy.c: the rows of a table in a file, where they are looked up by a column. SQLite's codes. */
struct sl_sql_copy;
typedef int sl_sql_add_function(struct sl_sql *sql, struct sl_sql_table *table);
/* add: sl_sql_module. */
int sl_sql_copy_new(struct sl_sql *sql, const struct sl_sql_table *table, uint32_t column,
                    sl_sql_add_function *add, struct sl_sql_copy **ret);
void sl_sql_copy_free(
    struct sl_sql_copy *copy); /* NULL is fine; the file is removed with the query's database */
bool sl_sql_copy_has_infinity(const struct sl_sql_copy *copy); /* among the column's numbers */
/* A statement whose parameter is a hash of sl_sql_hash_value: the rows, in their order, that may have the value in the
 * column; their number from 1, then the table's columns. Caller finalizes it before the query's database is closed. */
int sl_sql_copy_find(const struct sl_sql_copy *copy, sqlite3_stmt **ret);

/* sql/clock.c: a file system layer that refuses to tell the time. SQLite's code. */
int sl_sql_clock_open(struct sl_sql_clock *clock);
void sl_sql_clock_close(struct sl_sql_clock *clock);

/* sql/refuse.c: what in the text cannot be repeated: false, and *ret_what is its name. */
bool sl_sql_is_repeatable(const char *text, const char **ret_what);
