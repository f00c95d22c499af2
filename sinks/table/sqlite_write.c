/* A batch in one transaction of SQLite. */
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/sqlite_files.h"
#include "sinks/table/sql.h"
#include "sinks/table/sqlite_internal.h"
#include "text/number.h"

#include <math.h>
#include <stdio.h>

static struct sqlite *own(struct sl_table_database *database)
{
    return (struct sqlite *)database;
}

/* ---- a batch ---- */

static const char batches_table[] =
    "CREATE TABLE IF NOT EXISTS sluice_batches (checkpoint TEXT NOT NULL, job TEXT NOT NULL,"
    " output TEXT NOT NULL, batch_ms INTEGER NOT NULL, records INTEGER NOT NULL,"
    " PRIMARY KEY (checkpoint, output, batch_ms))";

/* A statement about it does not compile: it is not what batches_table makes. */
static int refuse_batches(struct sqlite *db, struct sl_error *err)
{
    return sl_error_set(
        err, SL_EUSAGE,
        "%s: its table sluice_batches has other columns or another key than saveToTable gives it (%s); rename it",
        db->base.settings->url, sqlite3_errmsg(db->file->handle));
}

/* One of the statements about the batch's row, with what they need bound; 1: there is a row. */
static int about_batch(struct sqlite *db, const char *sql, uint64_t records, uint64_t *ret_records,
                       struct sl_error *err)
{
    sqlite3_stmt *statement;
    int r = sl_sqlite_prepare(db, sql, &statement, err);
    if (r < 0)
        return sqlite3_errcode(db->file->handle) == SQLITE_ERROR ? refuse_batches(db, err) : r;
    sqlite3_bind_text(statement, 1, db->base.services->checkpoint_id, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, db->base.settings->table, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, db->batch_ms);
    sqlite3_bind_int64(statement, 4, (int64_t)records);
    sqlite3_bind_text(statement, 5, db->base.services->job, -1, SQLITE_STATIC);
    int step = sqlite3_step(statement);
    if (step == SQLITE_ROW && ret_records)
        *ret_records = (uint64_t)sqlite3_column_int64(statement, 0);
    r = step == SQLITE_ROW ? 1 : step == SQLITE_DONE ? 0 : sl_sqlite_failure(db, err);
    sqlite3_finalize(statement);
    return r;
}

static int find_batch(struct sqlite *db, bool *ret_there, uint64_t *ret_records, struct sl_error *err)
{
    int r = sl_sqlite_run(db, batches_table, err);
    r = r < 0 ? r
              : about_batch(db,
                            "SELECT records FROM sluice_batches WHERE checkpoint = ?1 AND output = ?2 AND "
                            "batch_ms = ?3",
                            0, ret_records, err);
    *ret_there = r > 0;
    if (r == 0)
        r = about_batch(db, "INSERT INTO sluice_batches VALUES (?1, ?5, ?2, ?3, ?4)", 0, NULL, err);
    return r < 0 ? r : 0;
}

static void forget_transaction(struct sl_sqlite_file *file)
{
    file->began = file->committed = 0;
    file->transaction++;
}

void sl_sqlite_rollback(struct sl_table_database *database)
{
    struct sqlite *db = own(database);
    sqlite3_finalize(db->insert);
    db->insert = NULL;
    database->in_batch = false;
    if (!db->file->began || db->transaction != db->file->transaction)
        return; /* another output has taken it back */
    forget_transaction(db->file);
    if (!sqlite3_get_autocommit(db->file->handle) &&
        sqlite3_exec(db->file->handle, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK)
        database->broken = true;
}

int sl_sqlite_begin(struct sl_table_database *database, int64_t batch_ms, bool *ret_there,
                    uint64_t *ret_records, struct sl_error *err)
{
    struct sqlite *db = own(database);
    bool is_first = !db->file->began;
    *ret_there = false;
    db->batch_ms = batch_ms;
    int r = is_first ? sl_sqlite_files_own(db->file->io, db->file->path, err) : 0;
    r = r == 0 && is_first ? sl_sqlite_run(db, "BEGIN IMMEDIATE", err) : r;
    if (r == 0 && database->services->checkpoint_id)
        r = find_batch(db, ret_there, ret_records, err);
    database->in_batch = r == 0 && !*ret_there;
    if (database->in_batch) {
        db->transaction = db->file->transaction;
        db->file->began++;
    } else if (is_first && !sqlite3_get_autocommit(db->file->handle)) {
        sqlite3_exec(db->file->handle, "ROLLBACK", NULL, NULL, NULL); /* there was nothing in it */
    }
    return r;
}

int sl_sqlite_create(struct sl_table_database *database, const struct sl_table_column *column, uint32_t count,
                     struct sl_error *err)
{
    const struct sl_table_settings *settings = database->settings;
    struct sl_buf sql SL_CLEANUP(sl_buf_done) = {0};
    sl_buf_text(&sql, "CREATE TABLE ");
    sl_sql_name(&sql, settings->table);
    sl_sql_new_columns(&sql, settings, column, count);
    sl_buf_byte(&sql, 0);
    if (sql.failed)
        return sl_error_nomem(err);
    return sl_sqlite_run(own(database), (const char *)sql.bytes, err);
}

int sl_sqlite_clear(struct sl_table_database *database, struct sl_error *err)
{
    struct sl_buf sql SL_CLEANUP(sl_buf_done) = {0};
    sl_buf_text(&sql, "DELETE FROM ");
    sl_sql_name(&sql, database->settings->table);
    sl_buf_byte(&sql, 0);
    if (sql.failed)
        return sl_error_nomem(err);
    return sl_sqlite_run(own(database), (const char *)sql.bytes, err);
}

/* ---- rows ---- */

static int prepare_insert(struct sqlite *db, const struct sl_table_rows *rows, struct sl_error *err)
{
    const struct sl_table_settings *settings = db->base.settings;
    struct sl_buf sql SL_CLEANUP(sl_buf_done) = {0};
    sl_buf_text(&sql, "INSERT INTO ");
    sl_sql_name(&sql, settings->table);
    sl_sql_columns(&sql, rows->column, rows->count);
    sl_buf_text(&sql, " VALUES (");
    for (uint32_t i = 0; i < rows->count; i++)
        sl_buf_text(&sql, i ? ", ?" : "?");
    sl_buf_byte(&sql, ')');
    if (settings->mode == SL_TABLE_UPSERT)
        sl_sql_upsert(&sql, settings, rows->column, rows->count);
    sl_buf_byte(&sql, 0);
    if (sql.failed)
        return sl_error_nomem(err);
    return sl_sqlite_prepare(db, (const char *)sql.bytes, &db->insert, err);
}

static void bind(sqlite3_stmt *insert, int i, enum sl_table_kind kind, const struct sl_field *value)
{
    switch ((enum sl_tag)value->tag) {
    case SL_NIL:
    case SL_LIST:
    case SL_MAP:
        sqlite3_bind_null(insert, i);
        break;
    case SL_BOOL:
        sqlite3_bind_int64(insert, i, value->boolean);
        break;
    case SL_INT:
        sqlite3_bind_int64(insert, i, value->integer);
        break;
    case SL_FLOAT:
        sqlite3_bind_double(insert, i, value->number);
        break;
    case SL_STR:
        if (kind == SL_TABLE_BYTES || (kind == SL_TABLE_DYNAMIC && !sl_table_is_text(value)))
            sqlite3_bind_blob64(insert, i, value->str, value->len, SQLITE_STATIC);
        else
            sqlite3_bind_text64(insert, i, (const char *)value->str, value->len, SQLITE_STATIC, SQLITE_UTF8);
        break;
    }
}

/* What is wrong with a row, and not with the database. */
static bool is_of_row(int code)
{
    code &= 0xff;
    return code == SQLITE_CONSTRAINT || code == SQLITE_MISMATCH || code == SQLITE_TOOBIG;
}

/* A number in a string becomes one by itself, but for those that have names. */
static struct sl_field value_of(enum sl_table_kind kind, const struct sl_field *value)
{
    double number;
    bool is_named = kind == SL_TABLE_NUMERIC && value->tag == SL_STR &&
                    sl_float_parse(value->str, value->len, &number) && !isfinite(number);
    return is_named ? sl_number(number) : *value;
}

/* SQLite would store NULL. */
static bool is_nan(const struct sl_field *value)
{
    return value->tag == SL_FLOAT && isnan(value->number);
}

static int bind_row(struct sqlite *db, const struct sl_table_rows *rows, uint32_t row, char *message)
{
    for (uint32_t c = 0; c < rows->count; c++) {
        const struct sl_table_column *column = &rows->column[c];
        struct sl_field value = value_of(column->kind, &rows->row[row][c]);
        if (is_nan(&value)) {
            snprintf(
                message, SL_MESSAGE_MAX,
                "table %.120s: the value does not fit column \"%.120s\" of type %.60s: SQLite has no NaN",
                db->base.settings->table, column->name, column->type);
            return SL_EREJECT;
        }
        bind(db->insert, (int)c + 1, column->kind, &value);
    }
    return 0;
}

/* Not only the statement: the rows before it cannot be kept. */
static int transaction_ended(struct sqlite *db, struct sl_error *err)
{
    int r = sl_error_set(
        err, SL_EFAIL,
        "%s: a constraint or trigger of table %s takes the whole batch back (ROLLBACK): %s; with "
        "ABORT in its place the record alone is refused",
        db->base.settings->url, db->base.settings->table, sqlite3_errmsg(db->file->handle));
    db->base.broken = true;
    sqlite3_reset(db->insert);
    return r;
}

static int insert_row(struct sqlite *db, const struct sl_table_rows *rows, uint32_t row, char *message,
                      struct sl_error *err)
{
    if (bind_row(db, rows, row, message) < 0)
        return SL_EREJECT;
    int code = sqlite3_step(db->insert);
    if (code == SQLITE_DONE) {
        sqlite3_reset(db->insert);
        return 0;
    }
    if (sqlite3_get_autocommit(db->file->handle))
        return transaction_ended(db, err);
    bool is_bad_row = is_of_row(sqlite3_errcode(db->file->handle));
    if (is_bad_row)
        snprintf(message, SL_MESSAGE_MAX, "%s", sqlite3_errmsg(db->file->handle));
    int r = is_bad_row ? SL_EREJECT : sl_sqlite_failure(db, err);
    sqlite3_reset(db->insert);
    return r;
}

int sl_sqlite_write(struct sl_table_database *database, const struct sl_table_rows *rows, uint32_t from,
                    uint32_t to, uint32_t *ret_bad, char *message, struct sl_error *err)
{
    struct sqlite *db = own(database);
    int r = db->insert ? 0 : prepare_insert(db, rows, err);
    r = r < 0 ? r : sl_sqlite_run(db, "SAVEPOINT piece", err);
    uint32_t row = from;
    for (; row < to && r == 0; row++)
        r = insert_row(db, rows, row, message, err);
    if (r == SL_EREJECT) {
        *ret_bad = row - 1;
        int undone = sl_sqlite_run(db, "ROLLBACK TO piece; RELEASE piece", err);
        return undone < 0 ? undone : r;
    }
    return r < 0 ? r : sl_sqlite_run(db, "RELEASE piece", err);
}

int sl_sqlite_end(struct sl_table_database *database, uint64_t records, struct sl_error *err)
{
    struct sqlite *db = own(database);
    sqlite3_finalize(db->insert);
    db->insert = NULL;
    if (!database->services->checkpoint_id)
        return 0;
    int r = about_batch(db,
                        "UPDATE sluice_batches SET records = ?4 WHERE checkpoint = ?1 AND output = ?2 AND "
                        "batch_ms = ?3",
                        records, NULL, err);
    return r < 0 ? r : 0;
}

/* With the last of those that began. What the others have committed until then is taken back with it. */
int sl_sqlite_commit(struct sl_table_database *database, struct sl_error *err)
{
    struct sqlite *db = own(database);
    if (db->file->committed + 1 < db->file->began) {
        db->file->committed++;
        database->in_batch = false;
        return 0;
    }
    int r = sl_sqlite_run(db, "COMMIT", err);
    if (r < 0 && sqlite3_extended_errcode(db->file->handle) == SQLITE_CONSTRAINT_FOREIGNKEY)
        sl_error_hint(err, "with NOT DEFERRABLE in the constraint the record is named and refused alone");
    if (r == 0) {
        forget_transaction(db->file);
        database->in_batch = false;
    }
    return r;
}
