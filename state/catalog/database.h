/* SQLite with our errors: one connection, used by one thread. */
#pragma once

#include "core/base/error.h"

#include <sqlite3.h>
#include <stdbool.h>

struct sl_database {
    sqlite3 *handle;
    const char *shown; /* its path, for messages; borrowed */
    bool may_fail;     /* stores into shared memory: state/catalog/shared_memory.h */
    int probe[2];      /* a pipe, with may_fail */
};

/* Opens or creates; nothing is read yet. */
int sl_database_open(struct sl_database *database, const char *path, const char *shown, struct sl_error *err);
/* For a reader while another process may write. */
int sl_database_open_reader(struct sl_database *database, const char *path, const char *shown,
                            struct sl_error *err);
/* The same for a file that no process has open: nothing is made beside it, as the log of others is. */
int sl_database_open_immutable(struct sl_database *database, const char *path, const char *shown,
                               struct sl_error *err);
void sl_database_close(struct sl_database *database);

/* What the last call left: damage is SL_EDAMAGED, a full disk SL_EFULL, a failing one
 * SL_EFAIL. Returns the code. */
int sl_database_failure(const struct sl_database *database, struct sl_error *err);

int sl_database_exec(const struct sl_database *database, const char *sql, struct sl_error *err);
/* The first column of the first row as an integer, 0 without a row. */
int sl_database_integer(const struct sl_database *database, const char *sql, int64_t *ret,
                        struct sl_error *err);

int sl_database_prepare(const struct sl_database *database, const char *sql, sqlite3_stmt **ret,
                        struct sl_error *err);
/* 1: a row; 0: done; or a failure. The statement is reset unless there was a row. */
int sl_database_step(const struct sl_database *database, sqlite3_stmt *statement, struct sl_error *err);

/* For an INSERT. 1: a row is there that has the key of one of its rows, and nothing was written; 0: done; or a failure. */
int sl_database_insert(const struct sl_database *database, sqlite3_stmt *statement, struct sl_error *err);

void sl_statement_integer(sqlite3_stmt *statement, int index, int64_t value);
/* Borrowed until the statement is reset or bound again. */
void sl_statement_text(sqlite3_stmt *statement, int index, const char *text);
void sl_statement_bytes(sqlite3_stmt *statement, int index, const void *bytes, size_t len);
