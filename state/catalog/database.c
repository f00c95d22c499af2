#include "state/catalog/database.h"

#include "core/base/buf.h"
#include "core/base/sqlite_files.h"
#include "state/catalog/shared_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* A reader never blocks us; another writer is a mistake that may pass. */
enum { BUSY_TIMEOUT_MS = 10000 };

/* SQLite calls a page damaged that the disk did not give. */
static bool could_not_read(const struct sl_database *database)
{
    int sys = 0;
    (void)sqlite3_file_control(database->handle, "main", SQLITE_FCNTL_LAST_ERRNO, &sys); /* else it stays 0 */
    return sys == EIO;
}

int sl_database_failure(const struct sl_database *database, struct sl_error *err)
{
    int code = database->handle ? sqlite3_extended_errcode(database->handle) : SQLITE_NOMEM;
    const char *text = database->handle ? sqlite3_errmsg(database->handle) : "out of memory";
    int sys = database->handle ? sqlite3_system_errno(database->handle) : 0;
    if ((code & 0xff) == SQLITE_CORRUPT && could_not_read(database))
        return sl_error_sys(err, EIO, "reading catalog %s", database->shown);
    switch (code & 0xff) {
    case SQLITE_NOMEM:
        return sl_error_nomem(err);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    /* Our statements never change: what does not fit them is not the database that we wrote. */
    case SQLITE_ERROR:
    case SQLITE_SCHEMA:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    /* The file can be written (open looked), so its header says what we never put there. */
    case SQLITE_READONLY:
        return sl_error_set(err, SL_EDAMAGED,
                            "catalog %s is damaged (%s); restore it from a backup or start over with sluice "
                            "reset --yes",
                            database->shown, text);
    case SQLITE_FULL:
        return sl_error_set(err, SL_EFULL, "writing catalog %s: the disk is full", database->shown);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return sl_error_set(err, SL_EFAIL,
                            "catalog %s is being written by another program; read it with sqlite3 -readonly",
                            database->shown);
    case SQLITE_IOERR:
        if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC)
            break; /* whatever the errno: a failed sync is not tried again (core/base/io.h) */
        /* fall through */
    case SQLITE_CANTOPEN:
        if (sys)
            return sl_error_sys(err, sys, "catalog %s: %s", database->shown, text);
        break;
    }
    if (sys)
        return sl_error_set(err, SL_EFAIL, "catalog %s: %s: %s", database->shown, text, strerror(sys));
    return sl_error_set(err, SL_EFAIL, "catalog %s: %s", database->shown, text);
}

/* uri: in place of the path, where it is opened by one. */
static int open_with(struct sl_database *database, int flags, const char *path, const char *uri,
                     const char *shown, struct sl_error *err)
{
    *database = (struct sl_database){.shown = shown};
    int r = sl_sqlite_files_check(&sl_io_system, path, err);
    if (r < 0)
        return sl_error_wrap(err, "catalog %s", shown);
    flags |= SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (sqlite3_open_v2(uri ? uri : path, &database->handle, flags, NULL) != SQLITE_OK) {
        r = sl_database_failure(database, err);
        sl_database_close(database);
        return r;
    }
    (void)sqlite3_busy_timeout(database->handle, BUSY_TIMEOUT_MS); /* cannot fail on an open handle */
    bool may_fail = (flags & SQLITE_OPEN_READWRITE) && sl_shared_memory_may_fail(path);
    database->may_fail = may_fail && pipe2(database->probe, O_CLOEXEC | O_NONBLOCK) == 0;
    return 0;
}

int sl_database_open_reader(struct sl_database *database, const char *path, const char *shown,
                            struct sl_error *err)
{
    return open_with(database, SQLITE_OPEN_READONLY, path, NULL, shown, err);
}

int sl_database_open_immutable(struct sl_database *database, const char *path, const char *shown,
                               struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf uri = {0};
    bool ok = sl_buf_text(&uri, "file:");
    *database = (struct sl_database){.shown = shown};
    for (const char *at = path; ok && *at; at++)
        ok = strchr("%?#", *at) ? sl_buf_printf(&uri, "%%%02x", (unsigned char)*at)
                                : sl_buf_byte(&uri, (uint8_t)*at);
    if (!ok || !sl_buf_text(&uri, "?immutable=1") || !sl_buf_byte(&uri, 0))
        return sl_error_nomem(err);
    return open_with(database, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, path, (const char *)uri.bytes, shown,
                     err);
}

int sl_database_open(struct sl_database *database, const char *path, const char *shown, struct sl_error *err)
{
    int r = open_with(database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, path, NULL, shown, err);
    if (r < 0)
        return r;
    if (sqlite3_db_readonly(database->handle, "main") != 0) {
        sl_database_close(database);
        return sl_error_set(err, SL_EFAIL, "catalog %s may not be written; check its owner and mode", shown);
    }
    return 0;
}

void sl_database_close(struct sl_database *database)
{
    (void)sqlite3_close(database->handle); /* everything that matters is committed */
    database->handle = NULL;
    if (database->may_fail) {
        close(database->probe[0]);
        close(database->probe[1]);
    }
    database->may_fail = false;
}

int sl_database_exec(const struct sl_database *database, const char *sql, struct sl_error *err)
{
    if (sqlite3_exec(database->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
        return sl_database_failure(database, err);
    return 0;
}

int sl_database_prepare(const struct sl_database *database, const char *sql, sqlite3_stmt **ret,
                        struct sl_error *err)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v3(database->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) !=
        SQLITE_OK)
        return sl_database_failure(database, err);
    *ret = statement;
    return 0;
}

int sl_database_step(const struct sl_database *database, sqlite3_stmt *statement, struct sl_error *err)
{
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        return 1;
    int r = code == SQLITE_DONE ? 0 : sl_database_failure(database, err);
    (void)sqlite3_reset(statement); /* repeats what step said */
    return r;
}

int sl_database_insert(const struct sl_database *database, sqlite3_stmt *statement, struct sl_error *err)
{
    int code = sqlite3_step(statement);
    int r = code == SQLITE_DONE                    ? 0
            : code == SQLITE_CONSTRAINT_PRIMARYKEY ? 1
                                                   : sl_database_failure(database, err);
    (void)sqlite3_reset(statement); /* repeats what step said */
    return r;
}

int sl_database_integer(const struct sl_database *database, const char *sql, int64_t *ret,
                        struct sl_error *err)
{
    sqlite3_stmt *statement;
    int r = sl_database_prepare(database, sql, &statement, err);
    if (r < 0)
        return r;
    r = sl_database_step(database, statement, err);
    if (r >= 0)
        *ret = r > 0 ? sqlite3_column_int64(statement, 0) : 0;
    (void)sqlite3_finalize(statement); /* repeats what step said */
    return r < 0 ? r : 0;
}

void sl_statement_integer(sqlite3_stmt *statement, int index, int64_t value)
{
    int code = sqlite3_bind_int64(statement, index, value);
    sl_assert(code == SQLITE_OK);
}

void sl_statement_bytes(sqlite3_stmt *statement, int index, const void *bytes, size_t len)
{
    int code = sqlite3_bind_blob64(statement, index, bytes, len, SQLITE_STATIC);
    sl_assert(code == SQLITE_OK);
}

void sl_statement_text(sqlite3_stmt *statement, int index, const char *text)
{
    int code = text ? sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC)
                    : sqlite3_bind_null(statement, index);
    sl_assert(code == SQLITE_OK);
}
