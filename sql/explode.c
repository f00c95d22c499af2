/* explode(list): a row for each value of a list, in its column `value`. A list is JSON text, as a field that is one comes
 * into a query; a map gives its values; NULL and what is no JSON give no rows. */
#include "sql/sql_internal.h"

#include "text/json.h"

#include <stdlib.h>

enum { VALUE, LIST };

struct exploded {
    sqlite3_vtab_cursor base; /* first */
    struct sl_arena arena;
    struct sl_field list;
    char *text; /* what the list points into */
    uint32_t at, count, step, offset;
};

static int connect(sqlite3 *handle, void *aux, int argc, const char *const *argv, sqlite3_vtab **ret,
                   char **ret_message)
{
    int code = sqlite3_declare_vtab(handle, "CREATE TABLE x(value, list HIDDEN)");
    sqlite3_vtab *table = code == SQLITE_OK ? calloc(1, sizeof *table) : NULL;
    if (code == SQLITE_OK && !table)
        code = SQLITE_NOMEM;
    if (code == SQLITE_OK)
        *ret = table;
    return code;
}

static int disconnect(sqlite3_vtab *table)
{
    free(table);
    return SQLITE_OK;
}

static int best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
    info->estimatedCost = 20;
    info->estimatedRows = 10;
    for (int i = 0; i < info->nConstraint; i++) {
        if (info->aConstraint[i].iColumn != LIST || info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ)
            continue;
        if (!info->aConstraint[i].usable)
            return SQLITE_CONSTRAINT;
        info->aConstraintUsage[i].argvIndex = 1;
        info->aConstraintUsage[i].omit = 1;
    }
    return SQLITE_OK;
}

static int open_cursor(sqlite3_vtab *table, sqlite3_vtab_cursor **ret)
{
    struct exploded *cursor = calloc(1, sizeof *cursor);
    if (!cursor)
        return SQLITE_NOMEM;
    sl_arena_init(&cursor->arena);
    *ret = &cursor->base;
    return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
    struct exploded *cursor = (struct exploded *)base;
    sl_arena_done(&cursor->arena);
    sqlite3_free(cursor->text);
    free(cursor);
    return SQLITE_OK;
}

static int filter(sqlite3_vtab_cursor *base, int plan, const char *name, int argc, sqlite3_value **argv)
{
    struct exploded *cursor = (struct exploded *)base;
    const char *message, *text;
    size_t at;
    cursor->at = cursor->count = 0;
    sl_arena_reset(&cursor->arena);
    if (argc < 1 || sqlite3_value_type(argv[0]) == SQLITE_NULL)
        return SQLITE_OK;
    text = (const char *)sqlite3_value_text(argv[0]);
    sqlite3_free(cursor->text);
    cursor->text = text ? sqlite3_mprintf("%s", text) : NULL;
    if (!cursor->text)
        return SQLITE_NOMEM;
    int r = sl_json_parse(&cursor->arena, cursor->text, strlen(cursor->text), &cursor->list, &message, &at);
    if (r == SL_ENOMEM)
        return SQLITE_NOMEM;
    if (r < 0 || (cursor->list.tag != SL_LIST && cursor->list.tag != SL_MAP))
        return SQLITE_OK;
    cursor->count = cursor->list.len;
    cursor->step = cursor->list.tag == SL_MAP ? 2 : 1;
    cursor->offset = cursor->step - 1;
    return SQLITE_OK;
}

static int next(sqlite3_vtab_cursor *base)
{
    ((struct exploded *)base)->at++;
    return SQLITE_OK;
}

static int is_at_end(sqlite3_vtab_cursor *base)
{
    const struct exploded *cursor = (const struct exploded *)base;
    return cursor->at >= cursor->count;
}

static int give_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
    const struct exploded *cursor = (const struct exploded *)base;
    if (column == VALUE)
        sl_sql_result(context, &cursor->list.items[cursor->at * cursor->step + cursor->offset], false);
    return SQLITE_OK;
}

static int give_number(sqlite3_vtab_cursor *base, sqlite3_int64 *ret)
{
    *ret = ((struct exploded *)base)->at + 1;
    return SQLITE_OK;
}

static const sqlite3_module explode_module = {
    .iVersion = 0,
    .xConnect = connect,
    .xBestIndex = best_index,
    .xDisconnect = disconnect,
    .xOpen = open_cursor,
    .xClose = close_cursor,
    .xFilter = filter,
    .xNext = next,
    .xEof = is_at_end,
    .xColumn = give_column,
    .xRowid = give_number,
};

int sl_sql_add_explode(struct sl_sql *sql)
{
    return sqlite3_create_module_v2(sql->handle, "explode", &explode_module, sql, NULL);
}
