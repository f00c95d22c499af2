/* Tables of PostgreSQL as they are. */
#ifdef SLUICE_HAS_POSTGRES

#include "core/base/error.h"
#include "sinks/table/postgres_internal.h"

#include <stdlib.h>
#include <string.h>

/* Types by their numbers in pg_type, which never change. */
static enum sl_table_kind kind_of(unsigned long oid)
{
    switch (oid) {
    case 16:
        return SL_TABLE_BOOLEAN;
    case 21:
        return SL_TABLE_INT2;
    case 23:
        return SL_TABLE_INT4;
    case 20:
        return SL_TABLE_INT8;
    case 700:
        return SL_TABLE_FLOAT4;
    case 701:
        return SL_TABLE_FLOAT;
    case 1700:
        return SL_TABLE_NUMERIC;
    case 25:   /* text */
    case 1043: /* varchar */
    case 1042: /* char(n) */
    case 19:   /* name */
        return SL_TABLE_TEXT;
    case 17:
        return SL_TABLE_BYTES;
    case 114:
    case 3802:
        return SL_TABLE_JSON;
    case 1184: /* timestamptz */
    case 1114: /* timestamp */
    case 1082: /* date */
        return SL_TABLE_TIMESTAMP6;
    default:
        return SL_TABLE_ANY;
    }
}

struct sl_table_column sl_postgres_type_of(enum sl_table_kind kind)
{
    switch (kind) {
    case SL_TABLE_BOOLEAN:
        return (struct sl_table_column){.type = "boolean", .kind = kind};
    case SL_TABLE_INT2:
    case SL_TABLE_INT4:
    case SL_TABLE_INT8:
    case SL_TABLE_INTEGER:
        return (struct sl_table_column){.type = "bigint", .kind = SL_TABLE_INT8};
    case SL_TABLE_FLOAT4:
    case SL_TABLE_FLOAT:
        return (struct sl_table_column){.type = "double precision", .kind = SL_TABLE_FLOAT};
    case SL_TABLE_NUMERIC:
        return (struct sl_table_column){.type = "numeric", .kind = kind};
    case SL_TABLE_BYTES:
        return (struct sl_table_column){.type = "bytea", .kind = kind};
    case SL_TABLE_JSON:
        return (struct sl_table_column){.type = "jsonb", .kind = kind};
    case SL_TABLE_TIMESTAMP:
    case SL_TABLE_TIMESTAMP6:
        return (struct sl_table_column){.type = "timestamptz", .kind = SL_TABLE_TIMESTAMP6};
    case SL_TABLE_ANY:
    case SL_TABLE_TEXT:
    case SL_TABLE_DYNAMIC:
        break;
    }
    return (struct sl_table_column){.type = "text", .kind = SL_TABLE_TEXT};
}

static int take_columns(struct sl_arena *arena, const struct sl_pq_rows *rows, struct sl_table_shape *ret,
                        struct sl_error *err)
{
    ret->column = sl_arena_calloc(arena, (size_t)rows->count + 1, sizeof *ret->column);
    for (int i = 0; ret->column && i < rows->count; i++) {
        const char *name = sl_pq_value(rows, i, 0), *type = sl_pq_value(rows, i, 1);
        struct sl_table_column *column = &ret->column[ret->count++];
        column->name = sl_arena_text(arena, name, strlen(name));
        column->type = sl_arena_text(arena, type, strlen(type));
        column->kind = kind_of(strtoul(sl_pq_value(rows, i, 2), NULL, 10));
        column->is_generated = *sl_pq_value(rows, i, 3) != 0;
        column->is_identity = *sl_pq_value(rows, i, 4) == 'a';
        if (!column->name || !column->type)
            return sl_error_nomem(err);
    }
    const char *refused = rows->count ? sl_pq_value(rows, 0, 5) : NULL;
    if (refused && !(ret->refused = sl_arena_text(arena, refused, strlen(refused))))
        return sl_error_nomem(err);
    return ret->column ? 0 : sl_error_nomem(err);
}

/* Name, type, its number, whether the column is generated and how it is numbered, and what is no table. */
#define COLUMNS(GENERATED, IDENTITY)                                                                            \
    "SELECT a.attname, format_type(a.atttypid, -1), COALESCE(NULLIF(t.typbasetype, 0), a.atttypid), " GENERATED \
    ", " IDENTITY ", CASE WHEN c.relkind IN ('r', 'p', 'f') OR c.relkind = 'v' AND EXISTS"                      \
    " (SELECT 1 FROM pg_trigger g WHERE g.tgrelid = c.oid AND g.tgtype & 64 <> 0) THEN NULL"                    \
    " ELSE CASE c.relkind WHEN 'v' THEN 'a view' WHEN 'm' THEN 'a materialized view'"                           \
    " WHEN 'S' THEN 'a sequence' WHEN 'c' THEN 'a type' ELSE 'an index' END END"                                \
    " FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_class c ON c.oid = a.attrelid"           \
    " WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"

/* Servers before 12 have no generated columns, those before 10 no numbered ones. */
static int read_columns(struct postgres *db, struct sl_arena *arena, struct sl_table_shape *ret,
                        struct sl_error *err)
{
    const char *value = (const char *)db->name.bytes;
    struct sl_pq_rows rows = {0};
    int version = sl_pq_server_version(&db->pq);
    const char *sql = version >= 120000   ? COLUMNS("a.attgenerated", "a.attidentity")
                      : version >= 100000 ? COLUMNS("''", "a.attidentity")
                                          : COLUMNS("''", "''");
    int r = sl_pq_query(&db->pq, sql, &value, 1, &rows, err);
    r = r < 0 ? sl_postgres_failed(db, r, err) : take_columns(arena, &rows, ret, err);
    sl_pq_rows_free(&rows);
    return r;
}

/* A table that is to be made needs its schema. */
static int check_schema(struct postgres *db, struct sl_error *err)
{
    const struct sl_table_settings *settings = db->base.settings;
    const char *value = (const char *)db->schema.bytes;
    struct sl_pq_rows rows = {0};
    if (!settings->create || !db->schema.len)
        return 0;
    int r = sl_postgres_failed(db, sl_pq_query(&db->pq, "SELECT to_regnamespace($1)", &value, 1, &rows, err),
                               err);
    bool is_missing = r == 0 && rows.count && !sl_pq_value(&rows, 0, 0);
    sl_pq_rows_free(&rows);
    return is_missing ? sl_error_set(err, SL_EUSAGE, "there is no schema %s in %s; make it (CREATE SCHEMA)",
                                     value, settings->url)
                      : r;
}

static void put_array(struct sl_buf *buf, const struct sl_table_settings *settings)
{
    sl_buf_byte(buf, '{');
    for (uint32_t i = 0; i < settings->keys; i++) {
        sl_buf_text(buf, i ? ",\"" : "\"");
        for (const char *at = settings->key[i]; *at; at++) {
            if (!(*at != '"' && *at != '\\'))
                sl_buf_byte(buf, '\\');
            sl_buf_byte(buf, (uint8_t)*at);
        }
        sl_buf_byte(buf, '"');
    }
    sl_buf_text(buf, "}");
    sl_buf_byte(buf, 0);
}

/* A unique index over exactly these columns, which ON CONFLICT can use. */
static int read_keys(struct postgres *db, struct sl_table_shape *ret, struct sl_error *err)
{
    static const char sql[] =
        "SELECT 1 FROM pg_index i WHERE i.indrelid = to_regclass($1) AND i.indisunique AND i.indisvalid"
        " AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL"
        " AND (SELECT array_agg(a.attname::text ORDER BY a.attname::text) FROM generate_series(0, i.indnkeyatts - 1) k"
        " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k])"
        " = (SELECT array_agg(x ORDER BY x) FROM unnest($2::text[]) x)";
    struct sl_buf keys SL_CLEANUP(sl_buf_done) = {0};
    struct sl_pq_rows rows = {0};
    put_array(&keys, db->base.settings);
    if (keys.failed)
        return sl_error_nomem(err);
    const char *values[] = {(const char *)db->name.bytes, (const char *)keys.bytes};
    int r = sl_pq_query(&db->pq, sql, values, 2, &rows, err);
    ret->key_is_unique = r == 0 && rows.count > 0;
    sl_pq_rows_free(&rows);
    return sl_postgres_failed(db, r, err);
}

int sl_postgres_describe(struct sl_table_database *database, struct sl_arena *arena,
                         struct sl_table_shape *ret, struct sl_error *err)
{
    struct postgres *db = (struct postgres *)database;
    *ret = (struct sl_table_shape){0};
    int r = read_columns(db, arena, ret, err);
    ret->exists = ret->count > 0;
    if (r == 0 && !ret->exists)
        r = check_schema(db, err);
    return r < 0 || !database->settings->keys ? r : read_keys(db, ret, err);
}

#endif
