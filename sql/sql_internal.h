/* The inside of sql/, shared by its files and by no other. */
#pragma once

#include "core/base/buf.h"
#include "core/contract/task.h"
#include "sql/sql.h"

#include <sqlite3.h>

enum { SL_SQL_TABLES_MAX = 4096 };

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
};

/* sql/table.c: makes a module of the table. SQLite's code. */
int sl_sql_module(struct sl_sql *sql, struct sl_sql_table *table);
/* sql/functions.c, sql/explode.c. SQLite's code. */
int sl_sql_add_functions(struct sl_sql *sql);
int sl_sql_add_explode(struct sl_sql *sql);
int sl_sql_add_sums(struct sl_sql *sql); /* sql/sums.c */
/* sql/value.c: a field as a result. is_lasting: its bytes live as long as the statement. */
void sl_sql_result(sqlite3_context *context, const struct sl_field *field, bool is_lasting);
bool sl_sql_is_utf8(const uint8_t *bytes, size_t len);

/* sql/hash.c. False: the field equals nothing, or SQLite sees a text that is made for it (lists, maps). */
bool sl_sql_hash_field(const struct sl_field *field, uint32_t *ret);
uint32_t sl_sql_hash_value(sqlite3_value *value);

/* sql/clock.c: a file system layer that refuses to tell the time. SQLite's code. */
int sl_sql_clock_open(struct sl_sql_clock *clock);
void sl_sql_clock_close(struct sl_sql_clock *clock);

/* sql/refuse.c: what in the text cannot be repeated: false, and *ret_what is its name. */
bool sl_sql_is_repeatable(const char *text, const char **ret_what);
