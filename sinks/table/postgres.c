/* saveToTable to PostgreSQL, and to servers that speak as it does: COPY for append and replace, INSERT ... ON
 * CONFLICT from arrays for upsert (postgres_rows.c), no temporary tables.
 *
 * A batch is one transaction. It begins with the row of sluice_batches: where an earlier try of this batch
 * is still being committed by the server, that insert waits for it, and finds out. Constraints are checked at
 * once, also those that are deferred, so that a record is known to be refused when it is sent.
 *
 * Hologres before 2.0 has no transactions of several statements: only an upsert is the same when it is done again. */
#ifdef SLUICE_HAS_POSTGRES

#include "core/base/error.h"
#include "sinks/table/postgres_internal.h"
#include "sinks/table/sql.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct postgres *own(struct sl_table_database *database)
{
    return (struct postgres *)database;
}

static int run_sql(struct postgres *db, const char *sql, struct sl_error *err)
{
    return sl_postgres_failed(db, sl_pq_run(&db->pq, sql, err), err);
}

/* What is in db->sql. */
static int run_built(struct postgres *db, bool ok, struct sl_error *err)
{
    return ok && sl_buf_byte(&db->sql, 0) ? run_sql(db, (const char *)db->sql.bytes, err)
                                          : sl_error_nomem(err);
}

/* ---- opening ---- */

/* The major version of a server that calls itself Hologres; 0: it does not. */
static int hologres_version(const char *version)
{
    const char *at = strcasestr(version, "hologres");
    at = at ? at + strcspn(at, "0123456789") : "";
    return *at ? (int)strtol(at, NULL, 10) : strcasestr(version, "hologres") ? 1 : 0;
}

static int learn_server(struct postgres *db, struct sl_error *err)
{
    const struct sl_table_settings *settings = db->base.settings;
    struct sl_pq_rows rows = {0};
    int r = sl_pq_query(&db->pq, "SELECT version()", NULL, 0, &rows, err);
    int hologres = r == 0 && rows.count ? hologres_version(sl_pq_value(&rows, 0, 0)) : 0;
    sl_pq_rows_free(&rows);
    db->transactions = hologres == 0 || hologres >= 2;
    db->savepoints = hologres == 0;
    if (r == 0 && !db->transactions && settings->mode != SL_TABLE_UPSERT && !settings->at_least_once)
        return sl_error_set(
            err, SL_EUSAGE,
            "%s has no transactions of several statements, so that mode \"%s\" could write a batch "
            "twice after a crash; use mode = \"upsert\", or allow it with atLeastOnce = true",
            settings->url, settings->mode == SL_TABLE_APPEND ? "append" : "replace");
    return sl_postgres_failed(db, r, err);
}

/* A longer name would be cut, and not found again. */
static int check_name(const char *what, const char *name, size_t len, struct sl_error *err)
{
    enum { NAME_MAX_BYTES = 63 };
    return len <= NAME_MAX_BYTES ? 0
                                 : sl_error_set(err, SL_EUSAGE,
                                                "the name of the %s %s has %zu bytes, PostgreSQL has %d of a "
                                                "name; choose a shorter one",
                                                what, name, len, NAME_MAX_BYTES);
}

static int check_names(const struct sl_table_settings *settings, struct sl_error *err)
{
    const char *dot = strchr(settings->table, '.');
    size_t schema_len = dot && dot > settings->table && dot[1] ? (size_t)(dot - settings->table) : 0;
    int r = check_name("schema of", settings->table, schema_len, err);
    r = r < 0 ? r
              : check_name("table", settings->table,
                           strlen(settings->table) - (schema_len ? schema_len + 1 : 0), err);
    for (uint32_t i = 0; r == 0 && settings->columns && i < settings->columns->count; i++)
        r = check_name("column", settings->columns->column[i].name, strlen(settings->columns->column[i].name),
                       err);
    return r == 0 && settings->batch ? check_name("column", settings->batch, strlen(settings->batch), err)
                                     : r;
}

/* "table" or "schema.table", in quotes. */
static bool name_table(struct postgres *db, const char *table)
{
    const char *dot = strchr(table, '.');
    struct sl_buf part SL_CLEANUP(sl_buf_done) = {0};
    if (dot && dot > table && dot[1]) {
        bool ok = sl_buf_append(&part, table, (size_t)(dot - table)) && sl_buf_byte(&part, 0) &&
                  sl_sql_name(&db->schema, (const char *)part.bytes) && sl_buf_byte(&db->schema, 0);
        if (!ok || !sl_buf_printf(&db->name, "%s.", (const char *)db->schema.bytes))
            return false;
        table = dot + 1;
    }
    db->table_at = db->name.len;
    db->relation = table;
    return sl_sql_name(&db->name, table) && sl_buf_byte(&db->name, 0);
}

static void close_database(struct sl_table_database *database)
{
    struct postgres *db = own(database);
    sl_pq_close(&db->pq);
    sl_buf_done(&db->schema);
    sl_buf_done(&db->name);
    sl_buf_done(&db->sql);
    sl_buf_done(&db->data);
    free(db);
}

static int open_database(const struct sl_table_settings *settings, const struct sl_services *services,
                         const _Atomic int *stop, struct sl_table_database **ret, struct sl_error *err)
{
    struct postgres *db = calloc(1, sizeof *db);
    if (!db)
        return sl_error_nomem(err);
    db->base = (struct sl_table_database){sl_table_postgres, settings, services, false, false};
    int r = check_names(settings, err);
    r = r < 0 || name_table(db, settings->table) ? r : sl_error_nomem(err);
    r = r < 0 ? r : sl_pq_open(&db->pq, settings->url, settings->timeout_ms, stop, err);
    r = r < 0 ? r : learn_server(db, err);
    if (r < 0)
        close_database(&db->base);
    else
        *ret = &db->base;
    return r;
}

/* ---- sluice_batches ---- */

/* Appends its name, in the schema of the table. */
static bool put_batches(struct postgres *db)
{
    if (!db->schema.len)
        return sl_buf_text(&db->sql, "sluice_batches");
    return sl_buf_printf(&db->sql, "%s.sluice_batches", (const char *)db->schema.bytes);
}

/* A table without a schema is where the search path finds it, or where it would be made. */
static int find_schema(struct postgres *db, struct sl_error *err)
{
    static const char sql[] = "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                              " WHERE c.oid = to_regclass($1) UNION ALL SELECT current_schema() LIMIT 1";
    const char *value = (const char *)db->name.bytes;
    struct sl_pq_rows rows = {0};
    if (db->schema.len)
        return 0;
    int r = sl_pq_query(&db->pq, sql, &value, 1, &rows, err);
    const char *schema = r == 0 && rows.count ? sl_pq_value(&rows, 0, 0) : NULL;
    if (schema && (!sl_sql_name(&db->schema, schema) || !sl_buf_byte(&db->schema, 0)))
        r = sl_error_nomem(err);
    sl_pq_rows_free(&rows);
    return sl_postgres_failed(db, r, err);
}

/* Sets db->has_batches. */
static int look_for_batches(struct postgres *db, struct sl_error *err)
{
    struct sl_pq_rows rows = {0};
    sl_buf_clear(&db->sql);
    if (!put_batches(db) || !sl_buf_byte(&db->sql, 0))
        return sl_error_nomem(err);
    const char *value = (const char *)db->sql.bytes;
    int r =
        sl_postgres_failed(db, sl_pq_query(&db->pq, "SELECT to_regclass($1)", &value, 1, &rows, err), err);
    db->has_batches = r == 0 && sl_pq_value(&rows, 0, 0);
    sl_pq_rows_free(&rows);
    return r;
}

/* IF NOT EXISTS does not see a table that another process is about to commit: that is a duplicate key, then. */
static int make_batches(struct postgres *db, struct sl_error *err)
{
    sl_buf_clear(&db->sql);
    bool ok = sl_buf_text(&db->sql, "CREATE TABLE IF NOT EXISTS ") && put_batches(db) &&
              sl_buf_text(&db->sql, " (checkpoint text NOT NULL, job text NOT NULL, output text NOT NULL,"
                                    " batch_ms bigint NOT NULL, records bigint NOT NULL,"
                                    " PRIMARY KEY (checkpoint, output, batch_ms))") &&
              sl_buf_byte(&db->sql, 0);
    if (!ok)
        return sl_error_nomem(err);
    int r = sl_pq_run(&db->pq, (const char *)db->sql.bytes, err);
    if (r == SL_EREJECT)
        r = look_for_batches(db, err);
    else
        db->has_batches = r == 0;
    if (r < 0 && strcmp(db->pq.state, "42501") == 0)
        sl_error_hint(
            err,
            "ask a user who may create tables in this schema to create sluice_batches (the manual, \"Tables\")");
    return r < 0 || db->has_batches
               ? sl_postgres_failed(db, r, err)
               : sl_error_set(err, SL_EUNREACHABLE, "%s: sluice_batches cannot be created: %s",
                              db->base.settings->url, db->pq.message);
}

/* Looked for first: who may write to a table need not be allowed to make one. */
static int need_batches(struct postgres *db, struct sl_error *err)
{
    int r = db->has_batches ? 0 : find_schema(db, err);
    r = r < 0 || db->has_batches ? r : look_for_batches(db, err);
    return r < 0 || db->has_batches ? r : make_batches(db, err);
}

/* No such column, no such key, another type: a table of that name that is not ours. */
static bool is_foreign(const char *state)
{
    return strcmp(state, "42703") == 0 || strcmp(state, "42P10") == 0 || strcmp(state, "42804") == 0;
}

/* `before` INTO/FROM sluice_batches `after`, with the parameters: checkpoint, output, batch_ms, records, job. */
static int about_batch(struct postgres *db, const char *before, const char *after, int parameters,
                       uint64_t records, struct sl_pq_rows *ret, struct sl_error *err)
{
    char count[24];
    const char *values[] = {db->base.services->checkpoint_id, db->base.settings->table, db->batch_ms, count,
                            db->base.services->job};
    snprintf(count, sizeof count, "%" PRIu64, records);
    sl_buf_clear(&db->sql);
    if (!sl_buf_text(&db->sql, before) || !put_batches(db) || !sl_buf_text(&db->sql, after) ||
        !sl_buf_byte(&db->sql, 0))
        return sl_error_nomem(err);
    int r = sl_pq_query(&db->pq, (const char *)db->sql.bytes, values, parameters, ret, err);
    if (r == SL_EFAIL && is_foreign(db->pq.state)) {
        sl_error_hint(err,
                      "sluice_batches has other columns or another key than saveToTable gives it: rename it");
        err->code = r = SL_EUSAGE;
    }
    return sl_postgres_failed(db, r, err);
}

static int find_batch(struct postgres *db, bool *ret_there, uint64_t *ret_records, struct sl_error *err)
{
    struct sl_pq_rows rows = {0};
    int r = about_batch(db, "SELECT records FROM ",
                        " WHERE checkpoint = $1 AND output = $2 AND batch_ms = $3::bigint", 3, 0, &rows, err);
    *ret_there = r == 0 && rows.count > 0;
    if (*ret_there)
        *ret_records = strtoull(sl_pq_value(&rows, 0, 0), NULL, 10);
    sl_pq_rows_free(&rows);
    return r;
}

static int insert_batch(struct postgres *db, uint64_t records, bool *ret_inserted, struct sl_error *err)
{
    struct sl_pq_rows rows = {0};
    int r = about_batch(
        db, "INSERT INTO ",
        " (checkpoint, output, batch_ms, records, job) VALUES ($1, $2, $3::bigint, $4::bigint, $5)"
        " ON CONFLICT (checkpoint, output, batch_ms) DO NOTHING",
        5, records, &rows, err);
    *ret_inserted = r == 0 && sl_pq_changed(&rows) == 1;
    sl_pq_rows_free(&rows);
    return r;
}

/* ---- which table it is ---- */

/* A server that is not quite PostgreSQL may lack what was asked for. */
static int unless_unknown(struct postgres *db, int r, struct sl_error *err)
{
    if (r == SL_EFAIL && strncmp(db->pq.state, "42", 2) == 0) {
        db->pq.broken = false;
        return 0;
    }
    return sl_postgres_failed(db, r, err);
}

/* When the server was started, to the microsecond, tells it from others. */
static int identify(struct sl_table_database *database, struct sl_buf *ret, struct sl_error *err)
{
    static const char sql[] = "SELECT extract(epoch FROM pg_postmaster_start_time()), current_database()";
    struct postgres *db = own(database);
    struct sl_pq_rows rows = {0};
    int r = unless_unknown(db, sl_pq_query(&db->pq, sql, NULL, 0, &rows, err), err);
    r = r < 0 ? r : find_schema(db, err);
    if (r == 0 && rows.count && db->schema.len &&
        !sl_buf_printf(ret, "%s %s %s.%s", sl_pq_value(&rows, 0, 0), sl_pq_value(&rows, 0, 1),
                       (const char *)db->schema.bytes, (const char *)db->name.bytes + db->table_at))
        r = sl_error_nomem(err);
    sl_pq_rows_free(&rows);
    return r;
}

/* ---- a batch ---- */

static int claim_batch(struct postgres *db, bool *ret_there, uint64_t *ret_records, struct sl_error *err)
{
    bool inserted = true;
    if (!db->base.services->checkpoint_id)
        return 0;
    if (!db->transactions)
        return find_batch(db, ret_there, ret_records, err);
    int r = insert_batch(db, 0, &inserted, err);
    return r < 0 || inserted ? r : find_batch(db, ret_there, ret_records, err);
}

/* A database or a user may be set not to wait for the disk: the server could lose, by a crash, a batch whose commit
 * it has confirmed. What is stronger than "on" stays. */
#define DURABLE                                                                                              \
    "SELECT set_config('synchronous_commit', 'on', true)"                                                    \
    " WHERE current_setting('synchronous_commit', true) = 'off'"

/* A connection that is closed takes its transaction back. */
static void postgres_rollback(struct sl_table_database *database)
{
    struct sl_error ignored;
    database->in_batch = false;
    if (!database->broken && own(database)->transactions)
        (void)run_sql(own(database), "ROLLBACK", &ignored); /* it is broken then, and is closed */
}

static int postgres_begin(struct sl_table_database *database, int64_t batch_ms, bool *ret_there,
                          uint64_t *ret_records, struct sl_error *err)
{
    struct postgres *db = own(database);
    *ret_there = false;
    snprintf(db->batch_ms, sizeof db->batch_ms, "%" PRId64, batch_ms);
    int r = database->services->checkpoint_id ? need_batches(db, err) : 0;
    if (r == 0 && db->transactions && !db->savepoints)
        r = run_sql(db, "SET hg_experimental_enable_transaction = on", err);
    if (r == 0 && db->transactions)
        r = run_sql(db, db->savepoints ? "BEGIN; SET CONSTRAINTS ALL IMMEDIATE; " DURABLE : "BEGIN", err);
    r = r < 0 ? r : claim_batch(db, ret_there, ret_records, err);
    database->in_batch = true;
    if (r < 0 || *ret_there)
        postgres_rollback(database);
    return r;
}

static int postgres_create(struct sl_table_database *database, const struct sl_table_column *column,
                           uint32_t count, struct sl_error *err)
{
    struct postgres *db = own(database);
    sl_buf_clear(&db->sql);
    return run_built(db,
                     sl_buf_printf(&db->sql, "CREATE TABLE %s ", (const char *)db->name.bytes) &&
                         sl_sql_new_columns(&db->sql, database->settings, column, count),
                     err);
}

/* Not TRUNCATE: transactions that read now still see the old rows. */
static int postgres_clear(struct sl_table_database *database, struct sl_error *err)
{
    struct postgres *db = own(database);
    sl_buf_clear(&db->sql);
    return run_built(db, sl_buf_printf(&db->sql, "DELETE FROM %s", (const char *)db->name.bytes), err);
}

static int postgres_end(struct sl_table_database *database, uint64_t records, struct sl_error *err)
{
    struct postgres *db = own(database);
    bool inserted;
    if (!database->services->checkpoint_id)
        return 0;
    if (!db->transactions)
        return insert_batch(db, records, &inserted, err);
    return about_batch(
        db, "UPDATE ",
        " SET records = $4::bigint WHERE checkpoint = $1 AND output = $2 AND batch_ms = $3::bigint", 4,
        records, NULL, err);
}

static int postgres_commit(struct sl_table_database *database, struct sl_error *err)
{
    struct postgres *db = own(database);
    int r = db->transactions ? run_sql(db, "COMMIT", err) : 0;
    if (r == 0)
        database->in_batch = false;
    return r;
}

static const struct sl_table_database_ops ops = {
    .open = open_database,
    .close = close_database,
    .identify = identify,
    .describe = sl_postgres_describe,
    .type_of = sl_postgres_type_of,
    .begin = postgres_begin,
    .create = postgres_create,
    .clear = postgres_clear,
    .write = sl_postgres_write,
    .end = postgres_end,
    .commit = postgres_commit,
    .rollback = postgres_rollback,
};
const struct sl_table_database_ops *const sl_table_postgres = &ops;

#else

#include "sinks/table/database.h"

const struct sl_table_database_ops *const sl_table_postgres = NULL;

#endif
