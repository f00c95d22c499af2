/* saveToTable to a SQLite file: prepared statements in one transaction, which also has the row of
 * sluice_batches. The file's journal is left as it is. sqlite_table.c looks at tables, sqlite_write.c writes. */
#include "core/base/buf.h"
#include "core/base/error.h"
#include "sinks/table/sqlite_internal.h"

#include <stdlib.h>

static struct sqlite *own(struct sl_table_database *database)
{
    return (struct sqlite *)database;
}

/* ---- opening ---- */

static void close_database(struct sl_table_database *database)
{
    struct sqlite *db = own(database);
    sqlite3_finalize(db->insert);
    if (db->file)
        sl_sqlite_file_close(db->file);
    free(db);
}

static int open_database(const struct sl_table_settings *settings, const struct sl_services *services,
                         const _Atomic int *stop, struct sl_table_database **ret, struct sl_error *err)
{
    struct sqlite *db = calloc(1, sizeof *db);
    if (!db)
        return sl_error_nomem(err);
    db->base = (struct sl_table_database){&sl_table_sqlite, settings, services, false, false};
    int r = sl_sqlite_file_open(settings, services, stop, &db->file, err);
    if (r < 0)
        close_database(&db->base);
    else
        *ret = &db->base;
    return r;
}

/* The file has its path already; names of tables differ by more than the case of ASCII letters. */
static int identify(struct sl_table_database *database, struct sl_buf *ret, struct sl_error *err)
{
    const char *table = database->settings->table;
    bool ok = sl_buf_printf(ret, "%s ", own(database)->file->path);
    for (; ok && *table; table++)
        ok = sl_buf_byte(ret,
                         *table >= 'A' && *table <= 'Z' ? (uint8_t)(*table - 'A' + 'a') : (uint8_t)*table);
    return ok ? 0 : sl_error_nomem(err);
}

/* ---- one at a time ---- */

static void lock(struct sl_table_database *database)
{
    pthread_mutex_lock(&own(database)->file->lock);
}

static int unlock(struct sl_table_database *database, int r)
{
    pthread_mutex_unlock(&own(database)->file->lock);
    return r;
}

/* With the lock. Another output may have taken the transaction back. */
static int check_transaction(struct sl_table_database *database, struct sl_error *err)
{
    const struct sqlite *db = own(database);
    if (db->transaction == db->file->transaction && db->file->began)
        return 0;
    return sl_error_set(err, SL_EFAIL, "%s: the transaction was taken back", database->settings->url);
}

static int describe(struct sl_table_database *database, struct sl_arena *arena, struct sl_table_shape *ret,
                    struct sl_error *err)
{
    lock(database);
    return unlock(database, sl_sqlite_describe(database, arena, ret, err));
}

static int begin(struct sl_table_database *database, int64_t batch_ms, bool *ret_there, uint64_t *ret_records,
                 struct sl_error *err)
{
    lock(database);
    return unlock(database, sl_sqlite_begin(database, batch_ms, ret_there, ret_records, err));
}

static int create(struct sl_table_database *database, const struct sl_table_column *column, uint32_t count,
                  struct sl_error *err)
{
    lock(database);
    int r = check_transaction(database, err);
    return unlock(database, r < 0 ? r : sl_sqlite_create(database, column, count, err));
}

static int clear(struct sl_table_database *database, struct sl_error *err)
{
    lock(database);
    int r = check_transaction(database, err);
    return unlock(database, r < 0 ? r : sl_sqlite_clear(database, err));
}

static int write_rows(struct sl_table_database *database, const struct sl_table_rows *rows, uint32_t from,
                      uint32_t to, uint32_t *ret_bad, char *message, struct sl_error *err)
{
    lock(database);
    int r = check_transaction(database, err);
    return unlock(database, r < 0 ? r : sl_sqlite_write(database, rows, from, to, ret_bad, message, err));
}

static int end_batch(struct sl_table_database *database, uint64_t records, struct sl_error *err)
{
    lock(database);
    int r = check_transaction(database, err);
    return unlock(database, r < 0 ? r : sl_sqlite_end(database, records, err));
}

static int commit(struct sl_table_database *database, struct sl_error *err)
{
    lock(database);
    int r = check_transaction(database, err);
    return unlock(database, r < 0 ? r : sl_sqlite_commit(database, err));
}

static void rollback(struct sl_table_database *database)
{
    lock(database);
    sl_sqlite_rollback(database);
    (void)unlock(database, 0); /* the lock alone matters */
}

const struct sl_table_database_ops sl_table_sqlite = {
    .open = open_database,
    .close = close_database,
    .identify = identify,
    .describe = describe,
    .type_of = sl_sqlite_type_of,
    .begin = begin,
    .create = create,
    .clear = clear,
    .write = write_rows,
    .end = end_batch,
    .commit = commit,
    .rollback = rollback,
};
