/* Calls into SQLite, and what it says when they fail. */
#include "core/base/error.h"
#include "sinks/table/sqlite_internal.h"

int sl_sqlite_failure(struct sqlite *db, struct sl_error *err)
{
    db->base.broken = true;
    return sl_sqlite_file_failure(db->file, db->base.settings->url, err);
}

int sl_sqlite_run(struct sqlite *db, const char *sql, struct sl_error *err)
{
    return sqlite3_exec(db->file->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? 0
                                                                              : sl_sqlite_failure(db, err);
}

int sl_sqlite_prepare(struct sqlite *db, const char *sql, sqlite3_stmt **ret, struct sl_error *err)
{
    return sqlite3_prepare_v2(db->file->handle, sql, -1, ret, NULL) == SQLITE_OK ? 0
                                                                                 : sl_sqlite_failure(db, err);
}
