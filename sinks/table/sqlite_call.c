/* Calls into SQLite, and what it says when they fail. */
#include "core/base/error.h"
#include "sinks/table/sqlite_internal.h"

int sl_sqlite_failure(struct sqlite *db, struct sl_error *err)
{
    int code = sqlite3_errcode(db->file->handle) & 0xff;
    int kind = code == SQLITE_FULL                            ? SL_EFULL
               : code == SQLITE_BUSY || code == SQLITE_LOCKED ? SL_EUNREACHABLE
               : code == SQLITE_NOMEM                         ? SL_ENOMEM
                                                              : SL_EFAIL;
    db->base.broken = true;
    return sl_error_set(err, kind, "%s: %s", db->base.settings->url,
                        kind == SL_EUNREACHABLE ? "another process keeps the database locked"
                                                : sqlite3_errmsg(db->file->handle));
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
