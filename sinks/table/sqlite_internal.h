/* A SQLite file, shared by sqlite*.c. */
#pragma once

#include "sinks/table/database.h"
#include "sinks/table/sqlite_file.h"

struct sqlite {
    struct sl_table_database base; /* first */
    struct sl_sqlite_file *file;
    uint64_t transaction; /* in which it began */
    sqlite3_stmt *insert;
    int64_t batch_ms;
};

/* What the last call left; the connection is broken. */
int sl_sqlite_failure(struct sqlite *db, struct sl_error *err);
int sl_sqlite_run(struct sqlite *db, const char *sql, struct sl_error *err);
int sl_sqlite_prepare(struct sqlite *db, const char *sql, sqlite3_stmt **ret, struct sl_error *err);

/* Of sl_table_database_ops, with the lock of the file held and, but for begin, in its transaction. */
int sl_sqlite_describe(struct sl_table_database *database, struct sl_arena *arena, struct sl_table_shape *ret,
                       struct sl_error *err);
struct sl_table_column sl_sqlite_type_of(enum sl_table_kind kind);
int sl_sqlite_begin(struct sl_table_database *database, int64_t batch_ms, bool *ret_there,
                    uint64_t *ret_records, struct sl_error *err);
int sl_sqlite_create(struct sl_table_database *database, const struct sl_table_column *column, uint32_t count,
                     struct sl_error *err);
int sl_sqlite_clear(struct sl_table_database *database, struct sl_error *err);
int sl_sqlite_write(struct sl_table_database *database, const struct sl_table_rows *rows, uint32_t from,
                    uint32_t to, uint32_t *ret_bad, char *message, struct sl_error *err);
int sl_sqlite_end(struct sl_table_database *database, uint64_t records, struct sl_error *err);
int sl_sqlite_commit(struct sl_table_database *database, struct sl_error *err);
void sl_sqlite_rollback(struct sl_table_database *database);
