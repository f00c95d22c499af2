/* Files that a source of the job before has taken. */
#include "state/catalog/catalog_internal.h"

static int any_is_there(struct sl_catalog *catalog, sqlite3_stmt *get,
                        bool (*is_there)(void *arg, const char *path), void *arg, bool *ret,
                        struct sl_error *err)
{
    int r;
    while ((r = sl_database_step(&catalog->database, get, err)) > 0 && !*ret) {
        const char *path = (const char *)sqlite3_column_text(get, 0);
        *ret = path && is_there(arg, path);
    }
    return r < 0 ? r : 0;
}

int sl_catalog_taken_before(struct sl_catalog *catalog, size_t source, const char *key,
                            bool (*is_there)(void *arg, const char *path), void *arg, bool *ret,
                            struct sl_error *err)
{
    static const char paths[] =
        "SELECT taken.path FROM taken JOIN source ON source.id = taken.source WHERE source.key = ?1"
        " AND NOT EXISTS (SELECT 1 FROM taken WHERE source = ?2)";
    sqlite3_stmt *get;
    int r = sl_database_prepare(&catalog->database, paths, &get, err);
    *ret = false;
    if (r < 0)
        return r;
    sl_statement_text(get, 1, key);
    sl_statement_integer(get, 2, catalog->source_id[source]);
    r = any_is_there(catalog, get, is_there, arg, ret, err);
    (void)sqlite3_finalize(get); /* repeats what step said */
    return r;
}
