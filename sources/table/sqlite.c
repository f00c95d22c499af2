/* A table that is what a query of a SQLite database gives. The database is only read; the query is the job's own. */
#include "sources/table/read.h"

#include "core/base/clock.h"
#include "core/base/sqlite_files.h"
#include "core/base/trust.h"
#include "core/contract/services.h"
#include "core/contract/task.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

enum { BUSY_TIMEOUT_MS = 10000, STEPS = 10000 };

/* What the query names may be a view of the database, which others may write: one that never gives a row ends. */
struct database {
    sqlite3 *handle;
    sqlite3_stmt *statement;
    int64_t timeout_ms;  /* for a row; 0: none */
    int64_t deadline_ns; /* of the next row */
    bool timed_out;
};

static int watch(void *arg)
{
    struct database *database = arg;
    database->timed_out = sl_monotonic_ns() > database->deadline_ns;
    return database->timed_out;
}

static int next_row(struct database *database)
{
    database->deadline_ns = sl_monotonic_ns() + database->timeout_ms * 1000000;
    return sqlite3_step(database->statement);
}

static void close_database(struct database *database)
{
    sqlite3_finalize(database->statement);
    sqlite3_close(database->handle);
}

static int failure(const struct database *database, const char *place, struct sl_error *err)
{
    int code = sqlite3_errcode(database->handle) & 0xff;
    if (code == SQLITE_NOMEM)
        return sl_error_nomem(err);
    if (database->timed_out)
        return sl_error_set(err, SL_EFAIL,
                            "%s: the query took longer than functionTimeout (%lld ms) to give a row", place,
                            (long long)database->timeout_ms);
    return sl_error_set(err, SL_EFAIL, "%s: %s", place,
                        database->handle ? sqlite3_errmsg(database->handle) : "it cannot be opened");
}

static int prepare(struct database *database, const char *place, const struct sl_field *query,
                   struct sl_error *err)
{
    const char *rest;
    if (sqlite3_prepare_v2(database->handle, (const char *)query->str, (int)query->len, &database->statement,
                           &rest) != SQLITE_OK)
        return failure(database, place, err);
    rest += strspn(rest, " \t\r\n;");
    if (!database->statement || rest < (const char *)query->str + query->len ||
        !sqlite3_stmt_readonly(database->statement) || !sqlite3_column_count(database->statement))
        return sl_error_set(err, SL_EFAIL, "%s: query must be one SELECT", place);
    if (sqlite3_column_count(database->statement) > SL_WIDTH_MAX)
        return sl_error_set(err, SL_EFAIL, "%s: the query gives %d columns; a record has at most %d fields",
                            place, sqlite3_column_count(database->statement), SL_WIDTH_MAX);
    return 0;
}

/* SQLite opens by paths: relative to the working directory, which is another than the job's. */
static int open_database(const struct sl_services *services, const struct sl_node *node, struct database *ret,
                         struct sl_error *err)
{
    char text[SL_TABLE_PLACE_MAX], path[PATH_MAX + SL_TABLE_PLACE_MAX], whole[PATH_MAX];
    bool is_database;
    const char *place = sl_table_place(node, text, &is_database);
    struct sl_arg arg = sl_node_option(node, "query");
    *ret = (struct database){
        .timeout_ms = services->main_task ? services->main_task->function_timeout_ms : 0,
    };
    snprintf(path, sizeof path, "%s%s%s", place[0] == '/' ? "" : services->job_dir,
             place[0] == '/' ? "" : "/", place);
    struct sl_error why = {0};
    int r = sl_trust_target(services->io, AT_FDCWD, path, whole, &why);
    if (r < 0 && why.sys != ENOENT)
        return sl_error_set(err, (int)why.code, "%s", why.text);
    const char *real = r < 0 ? path : whole;
    r = sl_sqlite_files_check(services->io, real, err);
    if (r < 0)
        return r;
    if (sqlite3_open_v2(real, &ret->handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        r = failure(ret, place, err);
    if (r == 0) {
        sqlite3_busy_timeout(ret->handle, BUSY_TIMEOUT_MS);
        sqlite3_db_config(ret->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        if (ret->timeout_ms)
            sqlite3_progress_handler(ret->handle, STEPS, watch, ret);
        r = prepare(ret, place, &arg.value, err);
    }
    if (r < 0)
        close_database(ret);
    return r;
}

int sl_table_sqlite_names(const struct sl_services *services, const struct sl_node *node,
                          struct sl_arena *arena, struct sl_field *ret, struct sl_error *err)
{
    struct database database;
    int r = open_database(services, node, &database, err);
    if (r < 0)
        return r;
    uint32_t count = (uint32_t)sqlite3_column_count(database.statement);
    struct sl_field *name = sl_arena_alloc(arena, count * sizeof *name);
    for (uint32_t i = 0; name && i < count; i++) {
        const char *text = sqlite3_column_name(database.statement, (int)i);
        const char *copy = text ? sl_arena_text(arena, text, strlen(text)) : NULL;
        name[i] = copy ? sl_text(copy) : sl_nil();
        r = copy ? r : SL_ENOMEM;
    }
    close_database(&database);
    if (!name || r < 0)
        return sl_error_nomem(err);
    *ret = sl_list(name, count);
    return 0;
}

static struct sl_field field_of(sqlite3_stmt *statement, int column)
{
    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
        return sl_integer(sqlite3_column_int64(statement, column));
    case SQLITE_FLOAT:
        return sl_number(sqlite3_column_double(statement, column));
    case SQLITE_TEXT: {
        const void *text = sqlite3_column_text(statement, column);
        return text ? sl_string(text, (size_t)sqlite3_column_bytes(statement, column)) : sl_nil();
    }
    case SQLITE_BLOB: {
        const void *bytes = sqlite3_column_blob(statement, column);
        return sl_string(bytes ? bytes : "", (size_t)sqlite3_column_bytes(statement, column));
    }
    default:
        return sl_nil();
    }
}

/* Row by row: what SQLite gives lives until the next step. */
static int read_rows(struct database *database, const char *place, struct sl_outlet *out,
                     struct sl_error *err)
{
    struct sl_field field[SL_WIDTH_MAX];
    struct sl_chunk chunk = {.rows = 1, .width = (uint32_t)sqlite3_column_count(database->statement)};
    int code, r = 0;
    for (uint32_t i = 0; i < chunk.width; i++)
        chunk.column[i] = &field[i];
    while (r == 0 && (code = next_row(database)) == SQLITE_ROW) {
        for (uint32_t i = 0; i < chunk.width; i++)
            field[i] = field_of(database->statement, (int)i);
        r = out->push(out, &chunk);
    }
    return r < 0 || code == SQLITE_DONE ? r : failure(database, place, err);
}

int sl_table_sqlite_read(const struct sl_services *services, const struct sl_node *node,
                         struct sl_outlet *out, struct sl_error *err)
{
    char text[SL_TABLE_PLACE_MAX];
    bool is_database;
    struct database database;
    const char *place = sl_table_place(node, text, &is_database);
    int r = open_database(services, node, &database, err);
    if (r < 0)
        return r;
    r = read_rows(&database, place, out, err);
    close_database(&database);
    return r;
}
