/* The files of the batches that a window reaches: how many there are, and the first of them. */
#include "state/catalog/catalog_internal.h"

static size_t source_of(const struct sl_catalog *catalog, int64_t id)
{
    size_t source = 0;
    while (source < catalog->sources && catalog->source_id[source] != id)
        source++;
    return source;
}

int sl_catalog_count_files(struct sl_catalog *catalog, int64_t after_ms, sl_catalog_visit_count *visit,
                           void *arg, struct sl_error *err)
{
    sqlite3_stmt *get = catalog->sql[SL_SQL_GET_FILE_COUNTS];
    int r;
    sl_statement_integer(get, 1, after_ms);
    while ((r = sl_catalog_step(catalog, SL_SQL_GET_FILE_COUNTS, err)) > 0) {
        size_t source = source_of(catalog, sqlite3_column_int64(get, 1));
        if (source < catalog->sources && (r = visit(arg, sqlite3_column_int64(get, 0), source,
                                                    (uint64_t)sqlite3_column_int64(get, 2))) < 0)
            break;
    }
    (void)sqlite3_reset(get); /* a failure is in err */
    return r == SL_ENOMEM ? sl_error_nomem(err) : r < 0 ? r : 0;
}

int sl_catalog_first_files(struct sl_catalog *catalog, int64_t after_ms, int64_t until_ms,
                           sl_catalog_visit_first *visit, void *arg, struct sl_error *err)
{
    sqlite3_stmt *get = catalog->sql[SL_SQL_GET_FIRST_FILES];
    int r;
    sl_statement_integer(get, 1, after_ms);
    sl_statement_integer(get, 2, until_ms);
    while ((r = sl_catalog_step(catalog, SL_SQL_GET_FIRST_FILES, err)) > 0) {
        size_t source = source_of(catalog, sqlite3_column_int64(get, 1));
        const char *path = (const char *)sqlite3_column_text(get, 2);
        if (!path) {
            r = SL_ENOMEM;
            break;
        }
        if (source < catalog->sources && (r = visit(arg, sqlite3_column_int64(get, 0), source, path)) != 0)
            break;
    }
    (void)sqlite3_reset(get); /* a failure is in err */
    return r == SL_ENOMEM ? sl_error_nomem(err) : r < 0 ? r : 0;
}
