/* Which directories on mounted file systems the paths of each source named last. */
#include "state/catalog/catalog_internal.h"

#include <string.h>

enum { KEPT_MAX = 1000 };

/* Where there are many, as of a pattern with dates: those without a file that is remembered need not be known. */
static int drop_idle(struct sl_catalog *catalog, size_t source, struct sl_error *err)
{
    sl_statement_integer(catalog->sql[SL_SQL_DROP_IDLE_DIRECTORIES], 1, catalog->source_id[source]);
    return sl_catalog_step(catalog, SL_SQL_DROP_IDLE_DIRECTORIES, err);
}

static int read_homes(struct sl_catalog *catalog, size_t source, struct sl_watched_homes *ret,
                      struct sl_error *err)
{
    sqlite3_stmt *get = catalog->sql[SL_SQL_GET_DIRECTORIES];
    int r;
    sl_statement_integer(get, 1, catalog->source_id[source]);
    while ((r = sl_database_step(&catalog->database, get, err)) > 0) {
        const char *path = (const char *)sqlite3_column_text(get, 0);
        const struct sl_watched_home home = {
            .path = path,
            .inode = (uint64_t)sqlite3_column_int64(get, 1),
            .born_ns = sqlite3_column_int64(get, 2),
            .is_mounted = true,
        };
        if (!path || sl_watched_homes_add(ret, &home) < 0) {
            r = sl_error_nomem(err);
            break;
        }
    }
    (void)sqlite3_reset(get); /* a failure is in err */
    return r;
}

int sl_catalog_get_homes(struct sl_catalog *catalog, size_t source, struct sl_watched_homes *ret,
                         struct sl_error *err)
{
    size_t first = ret->count;
    int r = read_homes(catalog, source, ret, err);
    return r == 0 && ret->count - first > KEPT_MAX ? drop_idle(catalog, source, err) : r;
}

static int put_home(struct sl_catalog *catalog, size_t source, const struct sl_watched_home *home,
                    struct sl_error *err)
{
    enum sl_statement which = home->is_mounted ? SL_SQL_PUT_DIRECTORY : SL_SQL_DROP_DIRECTORY;
    sqlite3_stmt *put = catalog->sql[which];
    sl_statement_integer(put, 1, catalog->source_id[source]);
    sl_statement_text(put, 2, home->path);
    if (home->is_mounted) {
        sl_statement_integer(put, 3, (int64_t)home->inode);
        sl_statement_integer(put, 4, home->born_ns);
    }
    return sl_catalog_step(catalog, which, err);
}

int sl_catalog_put_homes(struct sl_catalog *catalog, size_t source, const struct sl_watched_homes *homes,
                         struct sl_error *err)
{
    if (!homes->count)
        return 0;
    int r = sl_catalog_begin(catalog, err);
    for (size_t i = 0; r == 0 && i < homes->count; i++)
        r = put_home(catalog, source, &homes->home[i], err);
    r = r < 0 ? r : sl_catalog_step(catalog, SL_SQL_COMMIT, err);
    if (r < 0)
        sl_catalog_abort(catalog);
    return r;
}
