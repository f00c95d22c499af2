/* Tables of SQLite as they are. */
#include "core/base/buf.h"
#include "core/base/error.h"
#include "sinks/table/sqlite_internal.h"

#include <string.h>

static struct sqlite *own(struct sl_table_database *database)
{
    return (struct sqlite *)database;
}

/* ---- the table ---- */

static bool contains(const char *type, const char *word)
{
    return strcasestr(type, word) != NULL;
}

/* As SQLite finds the affinity of a column, and, in addition, what people mean by the name of a type. One that has no
 * meaning, STRING say, holds any value; SQLite keeps texts of numbers there as numbers. */
static enum sl_table_kind kind_of(const char *type)
{
    static const struct {
        const char *word;
        enum sl_table_kind kind;
    } words[] = {
        {"INT", SL_TABLE_INTEGER},     {"CHAR", SL_TABLE_TEXT},      {"CLOB", SL_TABLE_TEXT},
        {"TEXT", SL_TABLE_TEXT},       {"BLOB", SL_TABLE_BYTES},     {"REAL", SL_TABLE_FLOAT},
        {"FLOA", SL_TABLE_FLOAT},      {"DOUB", SL_TABLE_FLOAT},     {"BOOL", SL_TABLE_BOOLEAN},
        {"TIME", SL_TABLE_TIMESTAMP},  {"DATE", SL_TABLE_TIMESTAMP}, {"JSON", SL_TABLE_JSON},
        {"NUMERIC", SL_TABLE_NUMERIC}, {"NUMBER", SL_TABLE_NUMERIC}, {"DECIMAL", SL_TABLE_NUMERIC},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (contains(type, words[i].word))
            return words[i].kind;
    return SL_TABLE_DYNAMIC;
}

struct sl_table_column sl_sqlite_type_of(enum sl_table_kind kind)
{
    switch (kind) {
    case SL_TABLE_BOOLEAN:
        return (struct sl_table_column){.type = "BOOLEAN", .kind = SL_TABLE_BOOLEAN};
    case SL_TABLE_INT2:
    case SL_TABLE_INT4:
    case SL_TABLE_INT8:
    case SL_TABLE_INTEGER:
    case SL_TABLE_TIMESTAMP:
    case SL_TABLE_TIMESTAMP6:
        return (struct sl_table_column){.type = "INTEGER", .kind = SL_TABLE_INTEGER};
    case SL_TABLE_FLOAT4:
    case SL_TABLE_FLOAT:
        return (struct sl_table_column){.type = "REAL", .kind = SL_TABLE_FLOAT};
    case SL_TABLE_NUMERIC:
        return (struct sl_table_column){.type = "NUMERIC", .kind = SL_TABLE_NUMERIC};
    case SL_TABLE_BYTES:
        return (struct sl_table_column){.type = "BLOB", .kind = SL_TABLE_BYTES};
    case SL_TABLE_ANY:
    case SL_TABLE_TEXT:
    case SL_TABLE_JSON:
    case SL_TABLE_DYNAMIC:
        break;
    }
    return (struct sl_table_column){.type = "TEXT", .kind = SL_TABLE_TEXT};
}

static int add_column(struct sl_arena *arena, struct sl_table_shape *shape, sqlite3_stmt *get,
                      struct sl_error *err)
{
    const char *name = (const char *)sqlite3_column_text(get, 0),
               *type = (const char *)sqlite3_column_text(get, 1);
    struct sl_table_column *grown = sl_arena_alloc(arena, (shape->count + 1) * sizeof *grown);
    name = name ? sl_arena_text(arena, name, strlen(name)) : NULL;
    type = type ? sl_arena_text(arena, type, strlen(type)) : NULL;
    if (!grown || !name || !type)
        return sl_error_nomem(err);
    if (shape->count)
        memcpy(grown, shape->column, shape->count * sizeof *grown);
    grown[shape->count] = (struct sl_table_column){
        .name = name, .type = type, .kind = kind_of(type), .is_generated = sqlite3_column_int(get, 2)};
    shape->column = grown;
    shape->count++;
    return 0;
}

static int read_columns(struct sqlite *db, struct sl_arena *arena, struct sl_table_shape *shape,
                        struct sl_error *err)
{
    sqlite3_stmt *get;
    static const char columns[] =
        "SELECT name, type, hidden > 1 FROM pragma_table_xinfo(?1) WHERE hidden <> 1";
    int r = sl_sqlite_prepare(db, columns, &get, err), step = 0;
    if (r < 0)
        return r;
    sqlite3_bind_text(get, 1, db->base.settings->table, -1, SQLITE_STATIC);
    while (r == 0 && (step = sqlite3_step(get)) == SQLITE_ROW)
        r = add_column(arena, shape, get, err);
    if (r == 0 && step != SQLITE_DONE)
        r = sl_sqlite_failure(db, err);
    sqlite3_finalize(get);
    return r;
}

/* A view takes rows where it has a trigger, which is INSTEAD OF always. */
static int look_for_view(struct sqlite *db, struct sl_table_shape *shape, struct sl_error *err)
{
    static const char view[] =
        "SELECT 1 FROM sqlite_master v WHERE type = 'view' AND name = ?1 COLLATE NOCASE AND NOT EXISTS"
        " (SELECT 1 FROM sqlite_master t WHERE t.type = 'trigger' AND t.tbl_name = v.name COLLATE NOCASE)";
    sqlite3_stmt *get;
    int r = sl_sqlite_prepare(db, view, &get, err);
    if (r < 0)
        return r;
    sqlite3_bind_text(get, 1, db->base.settings->table, -1, SQLITE_STATIC);
    int step = sqlite3_step(get);
    shape->refused = step == SQLITE_ROW ? "a view" : NULL;
    if (step != SQLITE_ROW && step != SQLITE_DONE)
        r = sl_sqlite_failure(db, err);
    sqlite3_finalize(get);
    return r;
}

/* The columns of each unique key are counted, and those of them that are in settings->key. */
static const char unique_keys[] =
    "WITH part(key, name) AS (SELECT 'pk', name FROM pragma_table_xinfo(?1) WHERE pk > 0 UNION ALL"
    " SELECT list.name, info.name FROM pragma_index_list(?1) list, pragma_index_info(list.name) info"
    " WHERE list.\"unique\" AND NOT list.partial)"
    " SELECT 1 FROM part GROUP BY key HAVING count(*) = ?2 AND sum(name IN (SELECT value FROM json_each(?3))) = ?2";

static void put_json_names(struct sl_buf *buf, const struct sl_table_settings *settings)
{
    sl_buf_byte(buf, '[');
    for (uint32_t i = 0; i < settings->keys; i++) {
        sl_buf_text(buf, i ? ",\"" : "\"");
        for (const char *at = settings->key[i]; *at; at++)
            if ((unsigned char)*at < 0x20)
                sl_buf_printf(buf, "\\u%04x", *at);
            else {
                if (!(*at != '"' && *at != '\\'))
                    sl_buf_byte(buf, '\\');
                sl_buf_byte(buf, (uint8_t)*at);
            }
        sl_buf_byte(buf, '"');
    }
    sl_buf_byte(buf, ']');
}

static int read_keys(struct sqlite *db, struct sl_table_shape *shape, struct sl_error *err)
{
    struct sl_buf names SL_CLEANUP(sl_buf_done) = {0};
    sqlite3_stmt *get;
    put_json_names(&names, db->base.settings);
    if (names.failed)
        return sl_error_nomem(err);
    int r = sl_sqlite_prepare(db, unique_keys, &get, err);
    if (r < 0)
        return r;
    sqlite3_bind_text(get, 1, db->base.settings->table, -1, SQLITE_STATIC);
    sqlite3_bind_int64(get, 2, db->base.settings->keys);
    sqlite3_bind_text(get, 3, (const char *)names.bytes, (int)names.len, SQLITE_STATIC);
    int step = sqlite3_step(get);
    shape->key_is_unique = step == SQLITE_ROW;
    if (step != SQLITE_ROW && step != SQLITE_DONE)
        r = sl_sqlite_failure(db, err);
    sqlite3_finalize(get);
    return r;
}

int sl_sqlite_describe(struct sl_table_database *database, struct sl_arena *arena, struct sl_table_shape *ret,
                       struct sl_error *err)
{
    *ret = (struct sl_table_shape){0};
    int r = read_columns(own(database), arena, ret, err);
    r = r < 0 ? r : look_for_view(own(database), ret, err);
    ret->exists = ret->count > 0;
    return r < 0 || !database->settings->keys ? r : read_keys(own(database), ret, err);
}
