#include "state/catalog/identity.h"

#include "state/catalog/rows.h"

#include <string.h>

/* A new row has no checksum: SQL cannot compute it. */
static int complete(const struct sl_catalog *catalog, int64_t checksum, struct sl_error *err)
{
    sqlite3_stmt *set;
    const struct sl_database *database = &catalog->database;
    int r =
        sl_database_prepare(database, "UPDATE identity SET checksum = ?1 WHERE checksum IS NULL", &set, err);
    if (r < 0)
        return r;
    sl_statement_integer(set, 1, checksum);
    r = sl_database_step(database, set, err);
    (void)sqlite3_finalize(set); /* repeats what step said */
    return r;
}

static int read_row(struct sl_catalog *catalog, sqlite3_stmt *get, struct sl_error *err)
{
    int r = sl_database_step(&catalog->database, get, err);
    const char *text = r > 0 ? (const char *)sqlite3_column_text(get, 0) : NULL;
    if (r < 0)
        return r;
    if (!text || strlen(text) != SL_IDENTITY_LEN)
        return sl_catalog_damaged(catalog, err, "table identity, its row is missing");
    memcpy(catalog->identity, text, SL_IDENTITY_LEN + 1);
    int64_t checksum = sl_row_identity(catalog->hash, catalog->identity);
    bool is_new = sqlite3_column_type(get, 1) == SQLITE_NULL;
    if (!is_new && sqlite3_column_int64(get, 1) != checksum)
        return sl_catalog_damaged(catalog, err, "table identity, row 1");
    (void)sqlite3_reset(get); /* there was a row: no failure to repeat */
    return is_new ? complete(catalog, checksum, err) : 0;
}

int sl_identity_open(struct sl_catalog *catalog, struct sl_error *err)
{
    sqlite3_stmt *get;
    int r = sl_database_prepare(&catalog->database, "SELECT checkpoint, checksum FROM identity", &get, err);
    if (r < 0)
        return r;
    r = read_row(catalog, get, err);
    (void)sqlite3_finalize(get); /* repeats what step said */
    return r;
}

const char *sl_catalog_id(const struct sl_catalog *catalog)
{
    return catalog->identity;
}
