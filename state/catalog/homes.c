/* Which directory the path of each source named last, where that is worth remembering. */
#include "state/catalog/catalog_internal.h"

int sl_catalog_get_home(struct sl_catalog *catalog, size_t source, bool *ret_known,
                        struct sl_watched_home *ret, struct sl_error *err)
{
    sqlite3_stmt *get = catalog->sql[SL_SQL_GET_DIRECTORY];
    sl_statement_integer(get, 1, catalog->source_id[source]);
    int r = sl_catalog_step(catalog, SL_SQL_GET_DIRECTORY, err);
    *ret_known = r > 0;
    if (r > 0)
        *ret = (struct sl_watched_home){
            .inode = (uint64_t)sqlite3_column_int64(get, 0),
            .born_ns = sqlite3_column_int64(get, 1),
            .is_mounted = sqlite3_column_int64(get, 2),
        };
    (void)sqlite3_reset(get); /* a failure is in err */
    return r < 0 ? r : 0;
}

int sl_catalog_put_home(struct sl_catalog *catalog, size_t source, const struct sl_watched_home *home,
                        struct sl_error *err)
{
    sqlite3_stmt *put = catalog->sql[SL_SQL_PUT_DIRECTORY];
    sl_statement_integer(put, 1, catalog->source_id[source]);
    sl_statement_integer(put, 2, (int64_t)home->inode);
    sl_statement_integer(put, 3, home->born_ns);
    sl_statement_integer(put, 4, home->is_mounted);
    return sl_catalog_step(catalog, SL_SQL_PUT_DIRECTORY, err);
}
