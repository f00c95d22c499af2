/* Rows of table taken, within a transaction. Nearly always no file of the names is remembered, so several rows are put at a time and, where one
 * of them cannot be, one by one. */
#include "state/catalog/take.h"

#include "state/catalog/rows.h"

#include <string.h>

enum { TAKEN_COLUMNS = 8 };

/* The remembered file of this name: 1 and its identity (without the path), or 0, or a failure. */
static int find_taken(const struct sl_catalog *catalog, int64_t source, const char *path, struct sl_file *ret,
                      int64_t *ret_checksum, struct sl_error *err)
{
    sqlite3_stmt *get = catalog->sql[SL_SQL_GET_TAKEN];
    sl_statement_integer(get, 1, source);
    sl_statement_text(get, 2, path);
    int r = sl_catalog_step(catalog, SL_SQL_GET_TAKEN, err);
    if (r <= 0)
        return r;
    *ret = sl_catalog_column_file(get);
    *ret_checksum = sqlite3_column_int64(get, 2);
    if (sl_row_taken(catalog->hash, source, ret) != *ret_checksum)
        r = sl_catalog_damaged(catalog, err, "table taken, row %s", path);
    ret->path = NULL;
    (void)sqlite3_reset(get); /* there was a row: no failure to repeat */
    return r;
}

static int drop_taken(const struct sl_catalog *catalog, struct sl_catalog_progress *progress, int64_t source,
                      const char *path, int64_t checksum, struct sl_error *err)
{
    sqlite3_stmt *drop = catalog->sql[SL_SQL_DROP_TAKEN];
    sl_statement_integer(drop, 1, source);
    sl_statement_text(drop, 2, path);
    progress->taken--;
    progress->taken_digest = sl_digest_remove(progress->taken_digest, checksum);
    return sl_catalog_step(catalog, SL_SQL_DROP_TAKEN, err);
}

/* Returns its checksum. */
static int64_t bind_taken(const struct sl_catalog *catalog, sqlite3_stmt *put, int first, int64_t source,
                          const struct sl_file *file, bool was_there)
{
    int64_t checksum = sl_row_taken(catalog->hash, source, file);
    sl_statement_integer(put, first, source);
    sl_statement_integer(put, first + 1, checksum);
    sl_catalog_bind_file(put, first + 2, file);
    sl_statement_integer(put, first + 7, was_there);
    return checksum;
}

/* Where no file of this name is remembered: 1; else 0, and nothing is written; or a failure. */
static int put_taken(const struct sl_catalog *catalog, struct sl_catalog_progress *progress, int64_t source,
                     const struct sl_file *file, bool was_there, struct sl_error *err)
{
    int64_t checksum = bind_taken(catalog, catalog->sql[SL_SQL_PUT_TAKEN], 1, source, file, was_there);
    int r = sl_catalog_step(catalog, SL_SQL_PUT_TAKEN, err);
    if (r < 0 || !sqlite3_changes(catalog->database.handle))
        return r;
    progress->taken++;
    progress->taken_digest = sl_digest_add(progress->taken_digest, checksum);
    return 1;
}

int sl_catalog_take(const struct sl_catalog *catalog, struct sl_catalog_progress *progress, int64_t source,
                    const struct sl_file *file, bool was_there, struct sl_error *err)
{
    struct sl_file older;
    int64_t checksum;
    int r = put_taken(catalog, progress, source, file, was_there, err);
    if (r != 0)
        return r < 0 ? r : 0;
    r = find_taken(catalog, source, file->path, &older, &checksum, err);
    if (r > 0)
        r = drop_taken(catalog, progress, source, file->path, checksum, err);
    r = r < 0 ? r : put_taken(catalog, progress, source, file, was_there, err);
    if (r == 0) /* two rows of one name are impossible in a sound table */
        r = sl_catalog_damaged(catalog, err, "table taken, row %s", file->path);
    return r < 0 ? r : 0;
}

/* Where none of their names is remembered: 1; else 0, and nothing is written; or a failure. */
static int put_all_taken(const struct sl_catalog *catalog, struct sl_catalog_progress *progress,
                         int64_t source, const struct sl_file *const file[static SL_SQL_ROWS],
                         struct sl_error *err)
{
    sqlite3_stmt *put = catalog->sql[SL_SQL_PUT_ALL_TAKEN];
    int64_t digest = 0;
    for (int i = 0; i < SL_SQL_ROWS; i++)
        digest =
            sl_digest_add(digest, bind_taken(catalog, put, i * TAKEN_COLUMNS + 1, source, file[i], false));
    int r = sl_database_insert(&catalog->database, put, err);
    if (r != 0)
        return r < 0 ? r : 0;
    progress->taken += SL_SQL_ROWS;
    progress->taken_digest = sl_digest_add(progress->taken_digest, digest);
    return 1;
}

static int take_some(const struct sl_catalog *catalog, struct sl_catalog_progress *progress, int64_t source,
                     const struct sl_file *const *file, size_t count, struct sl_error *err)
{
    int r = count == SL_SQL_ROWS ? put_all_taken(catalog, progress, source, file, err) : 0;
    bool is_done = r > 0;
    for (size_t i = 0; r == 0 && i < count; i++)
        r = sl_catalog_take(catalog, progress, source, file[i], false, err);
    return is_done ? 0 : r;
}

int sl_catalog_take_all(const struct sl_catalog *catalog, struct sl_catalog_progress *progress,
                        int64_t source, const struct sl_files *files, struct sl_error *err)
{
    const struct sl_file *some[SL_SQL_ROWS];
    size_t count = 0;
    int r = 0;
    for (size_t i = 0; r == 0 && i < files->count; i++) {
        if (!strchr(files->file[i].path, '/'))
            continue; /* dead letters, which are not watched */
        some[count++] = &files->file[i];
        if (count < SL_SQL_ROWS)
            continue;
        r = take_some(catalog, progress, source, some, count, err);
        count = 0;
    }
    return r < 0 ? r : take_some(catalog, progress, source, some, count, err);
}

/* The file is forgotten; a newer one of its name stays. */
static int forget(const struct sl_catalog *catalog, struct sl_catalog_progress *progress, int64_t source,
                  const struct sl_file *file, struct sl_error *err)
{
    struct sl_file known;
    int64_t checksum;
    int r = find_taken(catalog, source, file->path, &known, &checksum, err);
    if (r <= 0 || !sl_file_same(&known, file))
        return r < 0 ? r : 0;
    return drop_taken(catalog, progress, source, file->path, checksum, err);
}

int sl_catalog_forget_all(const struct sl_catalog *catalog, struct sl_catalog_progress *progress,
                          const struct sl_files *gone, struct sl_error *err)
{
    int r = 0;
    for (size_t s = 0; s < catalog->sources; s++)
        for (size_t i = 0; r == 0 && i < gone[s].count; i++)
            r = forget(catalog, progress, catalog->source_id[s], &gone[s].file[i], err);
    return r;
}

int sl_catalog_remembers(const struct sl_catalog *catalog, size_t source, const struct sl_file *file,
                         struct sl_error *err)
{
    struct sl_file known;
    int64_t checksum;
    int r = find_taken(catalog, catalog->source_id[source], file->path, &known, &checksum, err);
    return r > 0 ? sl_file_same(&known, file) : r;
}
