/* Copies of tables in a file of SQLite's own, in which rows are looked up by a column.
 *
 * A table that exceeds memoryLimit is on disk in blocks that are read in order; a row in the middle costs a block, and an
 * index on all rows costs memory. So where a query looks rows up by a column, they are copied once into a temporary
 * database, whose cache is bounded, sorted by the hash of that column (sql/hash.c): sl_sql_copy_new makes the copy,
 * sl_sql_copy_find a statement that reads the rows of one hash. A row is there under the row id (hash << 32 | number), so
 * that a lookup reads one path of one tree, and rows of equal hashes come in their order. Rows that equal nothing, those
 * with NULL, are not there.
 *
 * All copies of a query share one database: sql->copies. It is filled through the same virtual table (sql/table.c). */
#include "sql/sql_internal.h"

#include <stdio.h>
#include <stdlib.h>

struct sl_sql_copy {
    struct sl_sql *sql; /* the query's */
    unsigned number;
    uint32_t columns;
    bool has_infinity;
};

/* place(value, number): the row id in a copy. */
static void place(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    struct sl_sql *copies = sqlite3_user_data(context);
    (void)argc;
    uint64_t number = (uint64_t)sqlite3_value_int64(argv[1]);
    if (sqlite3_value_type(argv[0]) == SQLITE_FLOAT && sl_sql_is_infinite(argv[0]))
        copies->saw_infinity = true;
    if (sqlite3_value_type(argv[0]) != SQLITE_NULL)
        sqlite3_result_int64(context, (int64_t)((uint64_t)sl_sql_hash_value(argv[0]) << 32 | number));
}

/* The message of a time-out is made by the query's database. */
static int execute(struct sl_sql *sql, struct sl_buf *text)
{
    sl_buf_byte(text, 0);
    if (text->failed)
        return SQLITE_NOMEM;
    int code = sqlite3_exec(sql->copies->handle, (const char *)text->bytes, NULL, NULL, NULL);
    sql->timed_out = sql->timed_out || sql->copies->timed_out;
    return code;
}

static void add_columns(struct sl_buf *text, const struct sl_sql_copy *copy)
{
    for (uint32_t i = 0; i < copy->columns; i++)
        sl_buf_printf(text, ", \"_%u\"", i + 1);
}

static int fill(struct sl_sql_copy *copy, uint32_t column)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    sl_buf_printf(&text, "CREATE TABLE copy_%u(place INTEGER PRIMARY KEY", copy->number);
    add_columns(&text, copy);
    sl_buf_printf(&text, "); INSERT INTO copy_%u SELECT place(\"_%u\", rowid) AS place", copy->number,
                  column + 1);
    add_columns(&text, copy);
    sl_buf_text(&text, " FROM original WHERE place IS NOT NULL ORDER BY place");
    return execute(copy->sql, &text);
}

static int fill_from(struct sl_sql_copy *copy, struct sl_dataset *rows, uint32_t column,
                     sl_sql_add_function *add)
{
    const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    struct sl_sql *copies = copy->sql->copies;
    struct sl_sql_table original = {.name = "original", .columns = copy->columns, .rows = rows};
    copies->saw_infinity = false;
    int code = sqlite3_create_function(copies->handle, "place", 2, flags, copies, place, NULL, NULL);
    code = code == SQLITE_OK ? add(copies, &original) : code;
    code = code == SQLITE_OK ? fill(copy, column) : code;
    (void)sqlite3_drop_modules(copies->handle, NULL); /* they refer to `original`; cannot fail */
    return code;
}

int sl_sql_copy_new(struct sl_sql *sql, const struct sl_sql_table *table, uint32_t column,
                    sl_sql_add_function *add, struct sl_sql_copy **ret)
{
    int code = sql->copies ? SQLITE_OK : sql->open_copies(sql);
    if (code != SQLITE_OK)
        return code;
    struct sl_sql_copy *copy = calloc(1, sizeof *copy);
    if (!copy)
        return SQLITE_NOMEM;
    copy->sql = sql;
    copy->number = sql->copies_made++;
    copy->columns = table->columns ? table->columns : SL_WIDTH_MAX;
    code = fill_from(copy, table->rows, column, add);
    copy->has_infinity = sql->copies->saw_infinity;
    if (code == SQLITE_OK)
        *ret = copy;
    else
        free(copy);
    return code;
}

void sl_sql_copy_free(struct sl_sql_copy *copy)
{
    free(copy);
}

bool sl_sql_copy_has_infinity(const struct sl_sql_copy *copy)
{
    return copy->has_infinity;
}

int sl_sql_copy_find(const struct sl_sql_copy *copy, sqlite3_stmt **ret)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    sl_buf_text(&text, "SELECT place & 0xffffffff");
    add_columns(&text, copy);
    sl_buf_printf(&text,
                  " FROM copy_%u WHERE place >= ?1 << 32 AND place <= (?1 << 32 | 0xffffffff) ORDER BY place",
                  copy->number);
    return text.failed ? SQLITE_NOMEM
                       : sqlite3_prepare_v2(copy->sql->copies->handle, (const char *)text.bytes,
                                            (int)text.len, ret, NULL);
}
