/* Files that are owed to be archived or deleted: written when that changes, which is when something fails. */
#include "state/catalog/catalog_internal.h"

static int put_all(struct sl_catalog *catalog, int64_t id, const struct sl_owed_files *added,
                   struct sl_error *err)
{
    sqlite3_stmt *put = catalog->sql[SL_SQL_PUT_OWED];
    int r = 0;
    for (size_t i = 0; r == 0 && i < added->files.count; i++) {
        sl_statement_integer(put, 1, id);
        sl_statement_integer(put, 2, added->batch_ms[i]);
        sl_catalog_bind_file(put, 3, &added->files.file[i]);
        r = sl_catalog_step(catalog, SL_SQL_PUT_OWED, err);
    }
    return r;
}

static int drop_all(struct sl_catalog *catalog, int64_t id, const struct sl_owed_files *done,
                    struct sl_error *err)
{
    sqlite3_stmt *drop = catalog->sql[SL_SQL_DROP_OWED];
    int r = 0;
    for (size_t i = 0; r == 0 && i < done->files.count; i++) {
        const struct sl_file *file = &done->files.file[i];
        sl_statement_integer(drop, 1, id);
        sl_statement_text(drop, 2, file->path);
        sl_statement_integer(drop, 3, (int64_t)file->inode);
        r = sl_catalog_step(catalog, SL_SQL_DROP_OWED, err);
    }
    return r;
}

int sl_catalog_change_owed(struct sl_catalog *catalog, size_t source, const struct sl_owed *owed,
                           struct sl_error *err)
{
    int64_t id = catalog->source_id[source];
    int r = sl_catalog_begin(catalog, err);
    r = r < 0 ? r : drop_all(catalog, id, &owed->done, err);
    r = r < 0 ? r : put_all(catalog, id, &owed->added, err);
    r = r < 0 ? r : sl_catalog_step(catalog, SL_SQL_COMMIT, err); /* no batch: progress stays */
    if (r < 0)
        sl_catalog_abort(catalog);
    return r;
}

int sl_catalog_each_owed(struct sl_catalog *catalog, sl_catalog_visit_owed *visit, void *arg,
                         struct sl_error *err)
{
    sqlite3_stmt *get = catalog->sql[SL_SQL_GET_OWED];
    int r;
    while ((r = sl_catalog_step(catalog, SL_SQL_GET_OWED, err)) > 0) {
        const struct sl_file file = sl_catalog_column_file(get);
        size_t source = 0;
        while (source < catalog->sources && catalog->source_id[source] != sqlite3_column_int64(get, 0))
            source++;
        r = source < catalog->sources ? visit(arg, source, &file, sqlite3_column_int64(get, 1), err) : 0;
        if (r < 0)
            break;
    }
    (void)sqlite3_reset(get); /* the first failure is the one reported */
    return r < 0 ? r : 0;
}
