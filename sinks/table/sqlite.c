/* saveToTable to a SQLite file: prepared statements in one transaction, which also has the row of
 * sluice_batches. The file's journal is left as it is. sqlite_table.c looks at tables, sqlite_write.c writes. */
#include "core/base/buf.h"
#include "core/base/error.h"
#include "sinks/table/sqlite_internal.h"
#include "sinks/table/url.h"

#include <stdlib.h>
#include <time.h>

static struct sqlite *own(struct sl_table_database *database)
{
    return (struct sqlite *)database;
}

/* ---- failures ---- */

int sl_sqlite_failure(struct sqlite *db, struct sl_error *err)
{
    int code = sqlite3_errcode(db->handle) & 0xff;
    int kind = code == SQLITE_FULL                            ? SL_EFULL
               : code == SQLITE_BUSY || code == SQLITE_LOCKED ? SL_EUNREACHABLE
               : code == SQLITE_NOMEM                         ? SL_ENOMEM
                                                              : SL_EFAIL;
    db->base.broken = true;
    return sl_error_set(err, kind, "%s: %s", db->base.settings->url,
                        kind == SL_EUNREACHABLE ? "another process keeps the database locked"
                                                : sqlite3_errmsg(db->handle));
}

int sl_sqlite_run(struct sqlite *db, const char *sql, struct sl_error *err)
{
    return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : sl_sqlite_failure(db, err);
}

int sl_sqlite_prepare(struct sqlite *db, const char *sql, sqlite3_stmt **ret, struct sl_error *err)
{
    return sqlite3_prepare_v2(db->handle, sql, -1, ret, NULL) == SQLITE_OK ? 0 : sl_sqlite_failure(db, err);
}

/* Another process holds a lock: wait, but not for ever. */
static int wait_for_lock(void *arg, int times)
{
    enum { PAUSE_MS = 10 };
    const struct sqlite *db = arg;
    bool is_stopped = db->stop && atomic_load_explicit(db->stop, memory_order_relaxed);
    if (is_stopped || (int64_t)times * PAUSE_MS > db->base.settings->timeout_ms)
        return 0;
    const struct timespec pause = {0, PAUSE_MS * 1000000L};
    nanosleep(&pause, NULL);
    return 1;
}

/* ---- opening ---- */

static int set_up(struct sqlite *db, struct sl_error *err)
{
    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_busy_handler(db->handle, wait_for_lock, db);
    return sl_sqlite_run(
        db, "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF", err);
}

static void close_database(struct sl_table_database *database)
{
    struct sqlite *db = own(database);
    sqlite3_finalize(db->insert);
    sqlite3_close(db->handle); /* takes a transaction back */
    free(db);
}

static int open_database(const struct sl_table_settings *settings, const struct sl_services *services,
                         const _Atomic int *stop, struct sl_table_database **ret, struct sl_error *err)
{
    const char *file = sl_table_url_sqlite(settings->url);
    struct sl_buf path SL_CLEANUP(sl_buf_done) = {0};
    struct sqlite *db = calloc(1, sizeof *db);
    if (!db || !(file[0] == '/' || sl_buf_printf(&path, "%s/", services->job_dir)) ||
        !sl_buf_printf(&path, "%s", file) || !sl_buf_byte(&path, 0)) {
        free(db);
        return sl_error_nomem(err);
    }
    db->base = (struct sl_table_database){&sl_table_sqlite, settings, services, false, false};
    db->stop = stop;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX | (settings->create ? SQLITE_OPEN_CREATE : 0);
    int r = 0;
    if (sqlite3_open_v2((const char *)path.bytes, &db->handle, flags, NULL) != SQLITE_OK)
        r = !db->handle ? sl_error_nomem(err)
                        : sl_error_set(err, settings->create ? SL_EFAIL : SL_EUSAGE, "%s: %s%s",
                                       settings->url, sqlite3_errmsg(db->handle),
                                       settings->create ? "" : "; make it, or add create = true");
    r = r < 0 ? r : set_up(db, err);
    if (r < 0)
        close_database(&db->base);
    else
        *ret = &db->base;
    return r;
}

const struct sl_table_database_ops sl_table_sqlite = {
    .open = open_database,
    .close = close_database,
    .describe = sl_sqlite_describe,
    .type_of = sl_sqlite_type_of,
    .begin = sl_sqlite_begin,
    .create = sl_sqlite_create,
    .clear = sl_sqlite_clear,
    .write = sl_sqlite_write,
    .end = sl_sqlite_end,
    .commit = sl_sqlite_commit,
    .rollback = sl_sqlite_rollback,
};
