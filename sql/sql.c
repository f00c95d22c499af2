#include "sql/sql.h"

#include "core/base/array.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "sql/sql_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char only_queries[] = "only a query is accepted: SELECT, VALUES or WITH";

enum { STEPS = 1000, BUSY_TIMEOUT_MS = 10000, NAMES_SHOWN = 40 };

/* ---- failures ---- */

static int failure(struct sl_sql *sql, struct sl_error *err)
{
    int code = sql->handle ? sqlite3_errcode(sql->handle) & 0xff : SQLITE_NOMEM;
    if (sql->failure.code != SL_OK) {
        *err = sql->failure;
        return err->code;
    }
    if (code == SQLITE_NOMEM)
        return sl_error_nomem(err);
    if (code == SQLITE_INTERRUPT && !sql->timed_out)
        return sl_error_set(err, SL_ESTOP, "the query was stopped");
    if (code == SQLITE_INTERRUPT)
        return sl_error_set(err, SL_EFAIL, "the query took longer than %lld ms",
                            (long long)sql->options.timeout_ms);
    if (code == SQLITE_FULL)
        return sl_error_set(err, SL_EFULL,
                            "the query needs room on disk to sort or to look rows up, and the disk is full");
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        return sl_error_set(err, SL_EDAMAGED, "the catalog is damaged: %s", sqlite3_errmsg(sql->handle));
    return sl_error_set(err, SL_EFAIL, "%s", sqlite3_errmsg(sql->handle));
}

/* ---- what a query may do ---- */

static int watch(void *arg)
{
    struct sl_sql *sql = arg;
    if (sql->options.stop && atomic_load_explicit(sql->options.stop, memory_order_relaxed))
        return 1;
    sql->timed_out = sql->deadline_ns && sl_monotonic_ns() > sql->deadline_ns;
    return sql->timed_out;
}

static int refuse(struct sl_sql *sql, const char *why)
{
    snprintf(sql->refusal, sizeof sql->refusal, "%s", why);
    return SQLITE_DENY;
}

static bool is_among(const char *const *names, const char *name)
{
    for (; *names; names++)
        if (strcasecmp(*names, name) == 0)
            return true;
    return false;
}

static int check_function(struct sl_sql *sql, const char *name)
{
    static const char *const chance[] = {"random",        "randomblob",        "changes",
                                         "total_changes", "last_insert_rowid", NULL};
    static const char *const unsafe[] = {"load_extension", "fts3_tokenizer",
                                         NULL}; /* that one gives addresses */
    static const char *const clock[] = {"current_time", "current_date", "current_timestamp", NULL};
    char why[160];
    if (is_among(unsafe, name)) {
        snprintf(why, sizeof why, "%s() is refused: a query only reads", name);
        return refuse(sql, why);
    }
    if (!sql->options.repeatable)
        return SQLITE_OK;
    if (is_among(clock, name)) {
        snprintf(why, sizeof why,
                 "%s is refused: a batch that is redone must give the same; batch_time() is its time", name);
        return refuse(sql, why);
    }
    if (is_among(chance, name)) {
        snprintf(why, sizeof why, "%s() is refused: a batch that is redone must give the same", name);
        return refuse(sql, why);
    }
    return SQLITE_OK;
}

/* Pragmas are tables, too, where the query has none of that name. */
static bool is_pragma(const struct sl_sql *sql, const char *table)
{
    static const char prefix[] = "pragma_";
    bool is_ours = strncasecmp(table, prefix, sizeof prefix - 1) != 0;
    for (size_t i = 0; i < sql->tables && !is_ours; i++)
        is_ours = strcasecmp(sql->table[i]->name, table) == 0;
    return !is_ours;
}

static int check_read(struct sl_sql *sql, const char *table, const char *database, const char *view)
{
    static const char *const shown[] = {"batches", "files", "outputs", "errors", "ranges", NULL};
    if (is_pragma(sql, table))
        return refuse(sql, only_queries);
    if (!database || strcmp(database, "catalog") != 0 || view || is_among(shown, table))
        return SQLITE_OK;
    return refuse(
        sql,
        "the tables of the catalog may change with the program; ask its views: batches, files, outputs, errors, ranges");
}

static int authorize(void *arg, int action, const char *a, const char *b, const char *database,
                     const char *view)
{
    struct sl_sql *sql = arg;
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_RECURSIVE:
        return SQLITE_OK;
    case SQLITE_UPDATE: /* asked while a virtual table says its columns; a query that does it is none */
        return a && strcmp(a, "sqlite_master") == 0 ? SQLITE_OK : refuse(sql, only_queries);
    case SQLITE_READ:
        return check_read(sql, a, database, view);
    case SQLITE_FUNCTION:
        return check_function(sql, b);
    default:
        return refuse(sql, only_queries);
    }
}

/* ---- opening ---- */

static int configure(struct sl_sql *sql)
{
    sqlite3 *handle = sql->handle;
    (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL); /* nothing depends on these */
    (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL); /* "misspelt" is no text */
    (void)sqlite3_busy_timeout(handle, BUSY_TIMEOUT_MS);
    sqlite3_progress_handler(handle, STEPS, watch, sql);
    int code = sl_sql_add_functions(sql);
    code = code == SQLITE_OK ? sl_sql_add_explode(sql) : code;
    code = code == SQLITE_OK ? sl_sql_add_sums(sql) : code;
    code = code == SQLITE_OK ? sl_sql_add_percentile(sql) : code;
    if (code == SQLITE_OK && sql->options.memory_max) {
        char pragma[64];
        snprintf(pragma, sizeof pragma, "PRAGMA cache_size = -%zu", sql->options.memory_max / 1024 + 1);
        code = sqlite3_exec(handle, pragma, NULL, NULL, NULL);
    }
    return code;
}

/* A temporary file that is of use while it is open, to one process. */
static int open_copies(struct sl_sql *sql)
{
    const struct sl_sql_options options = {
        .on_disk = true, .stop = sql->options.stop, .memory_max = sql->options.memory_max};
    struct sl_error err;
    if (sl_sql_open(&options, &sql->copies, &err) < 0)
        return err.code == SL_ENOMEM ? SQLITE_NOMEM : SQLITE_CANTOPEN;
    sql->copies->deadline_ns = sql->deadline_ns;
    return sqlite3_exec(sql->copies->handle, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL,
                        NULL, NULL);
}

int sl_sql_open(const struct sl_sql_options *options, struct sl_sql **ret, struct sl_error *err)
{
    struct sl_sql *sql = calloc(1, sizeof *sql);
    if (!sql)
        return sl_error_nomem(err);
    sql->options = *options;
    sql->open_copies = open_copies;
    if (options->timeout_ms)
        sql->deadline_ns = sl_monotonic_ns() + options->timeout_ms * 1000000;
    int code = options->repeatable ? sl_sql_clock_open(&sql->clock) : SQLITE_OK;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI;
    if (code == SQLITE_OK)
        code = sqlite3_open_v2(options->on_disk ? "" : ":memory:", &sql->handle, flags,
                               options->repeatable ? sql->clock.name : NULL);
    if (code == SQLITE_OK)
        code = configure(sql);
    if (code != SQLITE_OK) {
        int r = failure(sql, err);
        sl_sql_close(sql);
        return r;
    }
    *ret = sql;
    return 0;
}

void sl_sql_close(struct sl_sql *sql)
{
    if (!sql)
        return;
    (void)sqlite3_finalize(sql->statement); /* repeats what step said */
    (void)sqlite3_close(sql->handle);       /* nothing was written */
    sl_sql_close(sql->copies);              /* which cursors of the handle read */
    sl_sql_clock_close(&sql->clock);
    free(sql->table);
    free(sql->query);
    free(sql);
}

static void add_uri(struct sl_buf *uri, const char *path)
{
    sl_buf_text(uri, "file:");
    for (; *path; path++)
        if (strchr("%?#", *path))
            sl_buf_printf(uri, "%%%02x", (unsigned char)*path);
        else
            sl_buf_byte(uri, (uint8_t)*path);
}

int sl_sql_attach(struct sl_sql *sql, const char *path, bool immutable, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf uri = {0};
    add_uri(&uri, path);
    sl_buf_text(&uri, immutable ? "?mode=ro&immutable=1" : "?mode=ro");
    sl_buf_byte(&uri, 0);
    if (uri.failed)
        return sl_error_nomem(err);
    char *statement = sqlite3_mprintf("ATTACH %Q AS catalog", (const char *)uri.bytes);
    if (!statement)
        return sl_error_nomem(err);
    int code = sqlite3_exec(sql->handle, statement, NULL, NULL, NULL);
    sqlite3_free(statement);
    return code == SQLITE_OK ? 0 : failure(sql, err);
}

int sl_sql_refresh(struct sl_sql *sql, struct sl_error *err)
{
    (void)sqlite3_exec(sql->handle, "COMMIT", NULL, NULL, NULL); /* there may be none to end */
    return sqlite3_exec(sql->handle, "BEGIN", NULL, NULL, NULL) == SQLITE_OK ? 0 : failure(sql, err);
}

int sl_sql_text(struct sl_sql *sql, const char *statement, char **ret, struct sl_error *err)
{
    sqlite3_stmt *row;
    if (sqlite3_prepare_v2(sql->handle, statement, -1, &row, NULL) != SQLITE_OK)
        return failure(sql, err);
    int code = sqlite3_step(row);
    const char *text = code == SQLITE_ROW ? (const char *)sqlite3_column_text(row, 0) : NULL;
    char *copy = strdup(text ? text : "");
    int r = code != SQLITE_ROW && code != SQLITE_DONE ? failure(sql, err) : copy ? 0 : sl_error_nomem(err);
    (void)sqlite3_finalize(row); /* repeats what step said */
    if (r == 0)
        *ret = copy;
    else
        free(copy);
    return r;
}

int sl_sql_add(struct sl_sql *sql, struct sl_sql_table *table, struct sl_error *err)
{
    return sl_sql_module(sql, table) == SQLITE_OK ? 0 : failure(sql, err);
}

/* ---- compiling ---- */

static void add_columns(struct sl_buf *text, const struct sl_sql_table *table)
{
    sl_buf_printf(text, "; the columns of %s are ", table->name);
    if (!table->columns) {
        sl_buf_printf(text, "_1 to _%d", SL_WIDTH_MAX);
        return;
    }
    for (uint32_t i = 0; i < table->columns && i < NAMES_SHOWN; i++) {
        if (i)
            sl_buf_text(text, ", ");
        if (table->names)
            sl_buf_text(text, table->names[i]);
        else
            sl_buf_printf(text, "_%u", i + 1);
    }
    if (table->columns > NAMES_SHOWN)
        sl_buf_text(text, ", ...");
}

static bool was_listed(const struct sl_sql *sql, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (sql->table[k] == sql->table[i])
            return true;
    return false;
}

/* Where in the query it is, counted from 1, in characters of the line. */
static void add_place(struct sl_buf *text, const char *query, int offset)
{
    int line = 1, column = 1;
    if (offset < 0)
        return;
    for (int i = 0; i < offset && query[i]; i++) {
        bool ends = query[i] == '\n';
        line += ends;
        column = ends ? 1 : column + ((query[i] & 0xc0) != 0x80);
    }
    sl_buf_printf(text, " at line %d, column %d of the query", line, column);
}

static int explain(struct sl_sql *sql, const char *message, int offset, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    sl_buf_text(&text, message);
    add_place(&text, sql->query, offset);
    for (size_t i = 0; i < sql->tables; i++)
        if (!was_listed(sql, i))
            add_columns(&text, sql->table[i]);
    return text.failed ? sl_error_nomem(err)
                       : sl_error_set(err, SL_EUSAGE, "%.*s", (int)text.len, (const char *)text.bytes);
}

static int explain_compile(struct sl_sql *sql, struct sl_error *err)
{
    int code = sqlite3_errcode(sql->handle) & 0xff;
    const char *message = sqlite3_errmsg(sql->handle);
    if (sql->failure.code != SL_OK || code == SQLITE_NOMEM || code == SQLITE_CORRUPT ||
        code == SQLITE_INTERRUPT)
        return failure(sql, err);
    if (sql->refusal[0])
        return sl_error_set(err, SL_EUSAGE, "%s", sql->refusal);
    if (strcmp(message, "no tables specified") == 0)
        message = "* needs to know the columns: name them with :columns(...), or write _1, _2 ...";
    if (strncmp(message, "cannot modify ", 14) == 0)
        return sl_error_set(err, SL_EUSAGE, "%s", only_queries);
    return explain(sql, message, sqlite3_error_offset(sql->handle), err);
}

/* Behind the query may be comments, but no second statement. */
static int check_rest(struct sl_sql *sql, const char *rest, struct sl_error *err)
{
    while (*rest) {
        sqlite3_stmt *other = NULL;
        const char *from = rest;
        int code = sqlite3_prepare_v2(sql->handle, from, -1, &other, &rest);
        (void)sqlite3_finalize(other); /* it never ran */
        if (code != SQLITE_OK || other)
            return sl_error_set(err, SL_EUSAGE,
                                "only one query is accepted, and something follows the first");
        if (rest == from)
            break;
    }
    return 0;
}

static int check_statement(struct sl_sql *sql, const char *rest, struct sl_error *err)
{
    if (!sql->statement || !sqlite3_stmt_readonly(sql->statement) || sqlite3_stmt_isexplain(sql->statement) ||
        sqlite3_column_count(sql->statement) == 0)
        return sl_error_set(err, SL_EUSAGE, "%s", only_queries);
    if (sqlite3_bind_parameter_count(sql->statement))
        return sl_error_set(err, SL_EUSAGE, "the query has a parameter (%s), and there is no value for it",
                            sqlite3_bind_parameter_name(sql->statement, 1)
                                ? sqlite3_bind_parameter_name(sql->statement, 1)
                                : "?");
    if (sqlite3_column_count(sql->statement) > SL_WIDTH_MAX)
        return sl_error_set(err, SL_EUSAGE, "the result has %d columns; a record has at most %d",
                            sqlite3_column_count(sql->statement), SL_WIDTH_MAX);
    return check_rest(sql, rest, err);
}

static int check_text(struct sl_sql *sql, size_t len, struct sl_error *err)
{
    const char *what;
    if (strlen(sql->query) != len)
        return sl_error_set(err, SL_EUSAGE, "the query holds a NUL");
    if (!sl_sql_is_utf8((const uint8_t *)sql->query, len))
        return sl_error_set(err, SL_EUSAGE, "the query is not UTF-8");
    if (sl_sql_is_repeatable(sql->query, &what))
        return 0;
    if (strcmp(what, "REGEXP") == 0)
        return sl_error_set(err, SL_EUSAGE, "write regexp(text, pattern) in place of the operator REGEXP");
    return !sql->options.repeatable
               ? 0
               : sl_error_set(
                     err, SL_EUSAGE,
                     "%s is refused: a batch that is redone must give the same; batch_time() is its time in ms",
                     what);
}

int sl_sql_prepare(struct sl_sql *sql, const char *text, size_t len, struct sl_error *err)
{
    const char *rest;
    free(sql->query);
    (void)sqlite3_finalize(sql->statement); /* of a text that failed */
    sql->statement = NULL;
    sql->tables = 0;
    sql->refusal[0] = 0;
    sql->failure.code = SL_OK;
    sql->query = strndup(text, len);
    int r = sql->query ? check_text(sql, len, err) : sl_error_nomem(err);
    if (r < 0)
        return r;
    (void)sqlite3_set_authorizer(sql->handle, authorize, sql); /* cannot fail */
    if (sqlite3_prepare_v2(sql->handle, sql->query, -1, &sql->statement, &rest) != SQLITE_OK)
        return explain_compile(sql, err);
    return check_statement(sql, rest, err);
}

uint32_t sl_sql_width(const struct sl_sql *sql)
{
    return (uint32_t)sqlite3_column_count(sql->statement);
}

const char *sl_sql_column_name(const struct sl_sql *sql, uint32_t i)
{
    const char *name = sqlite3_column_name(sql->statement, (int)i);
    return name ? name : "";
}

/* ---- running ---- */

static bool read_field(sqlite3_stmt *row, int i, struct sl_field *ret)
{
    switch (sqlite3_column_type(row, i)) {
    case SQLITE_INTEGER:
        *ret = sl_integer(sqlite3_column_int64(row, i));
        return true;
    case SQLITE_FLOAT:
        *ret = sl_number(sqlite3_column_double(row, i));
        return true;
    case SQLITE_TEXT: {
        const void *text = sqlite3_column_text(row, i);
        *ret = sl_string(text ? text : "", (size_t)sqlite3_column_bytes(row, i));
        return text != NULL;
    }
    case SQLITE_BLOB: {
        const void *blob = sqlite3_column_blob(row, i);
        *ret = sl_string(blob ? blob : "", (size_t)sqlite3_column_bytes(row, i));
        return true;
    }
    default:
        *ret = sl_nil();
        return true;
    }
}

int sl_sql_next(struct sl_sql *sql, struct sl_field *fields, struct sl_error *err)
{
    int code = sqlite3_step(sql->statement);
    if (sql->clock.was_asked)
        return sl_error_set(
            err, SL_EFAIL,
            "the query asks for the time of day ('now'), which is not the same when a batch is redone; "
            "batch_time() is the batch's");
    if (code == SQLITE_DONE)
        return 0;
    if (code != SQLITE_ROW)
        return failure(sql, err);
    bool ok = true;
    for (int i = 0; ok && i < sqlite3_column_count(sql->statement); i++)
        ok = read_field(sql->statement, i, &fields[i]);
    return ok ? 1 : sl_error_nomem(err);
}
