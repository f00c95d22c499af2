/* What batches made, for outputs that keep only the newest (core/contract/history.h). Letting go is remembered here
 * and written with the next plan or commit, so that it costs no transaction of its own. */
#include "core/base/array.h"
#include "state/catalog/catalog_internal.h"
#include "state/catalog/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sl_history *sl_catalog_history(struct sl_catalog *catalog)
{
    return &catalog->history;
}

static const char *column_text(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return text ? text : "";
}

static int history_oldest(struct sl_history *history, const char *series, uint64_t keep,
                          int (*visit)(void *arg, int64_t time_ms, const char *path), void *arg,
                          struct sl_error *err)
{
    struct sl_catalog *catalog = (struct sl_catalog *)history;
    sqlite3_stmt *get = catalog->sql[SL_SQL_GET_RETAINED];
    int r;
    sl_statement_text(get, 1, series);
    sl_statement_integer(get, 2, (int64_t)keep);
    while ((r = sl_catalog_step(catalog, SL_SQL_GET_RETAINED, err)) > 0) {
        r = visit(arg, sqlite3_column_int64(get, 0), column_text(get, 1));
        if (r != 0)
            break;
    }
    (void)sqlite3_reset(get); /* the first failure is the one reported */
    return r < 0 ? r : 0;
}

int sl_catalog_each_newest(struct sl_catalog *catalog, int (*visit)(void *arg, const char *path), void *arg,
                           struct sl_error *err)
{
    sqlite3_stmt *get = catalog->sql[SL_SQL_GET_MADE];
    int r;
    sl_statement_integer(get, 1, catalog->progress.batches - 1);
    while ((r = sl_catalog_step(catalog, SL_SQL_GET_MADE, err)) > 0)
        if ((r = visit(arg, column_text(get, 0))) < 0)
            break;
    (void)sqlite3_reset(get); /* the first failure is the one reported */
    return r < 0 ? r : 0;
}

/* ---- manifests ---- */

static int add_file(struct sl_manifest *manifest, const struct sl_manifest_file *file, struct sl_error *err)
{
    struct sl_manifest_file *grown = reallocarray(manifest->file, manifest->count + 1, sizeof *grown);
    if (!grown)
        return sl_error_nomem(err);
    manifest->file = grown;
    grown[manifest->count++] = *file;
    return 0;
}

static int read_files(const struct sl_catalog *catalog, int64_t batch, int64_t output,
                      struct sl_manifest *manifest, struct sl_error *err)
{
    sqlite3_stmt *get = catalog->sql[SL_SQL_GET_OUTPUT_FILES];
    int r;
    sl_statement_integer(get, 1, batch);
    sl_statement_integer(get, 2, output);
    while ((r = sl_catalog_step(catalog, SL_SQL_GET_OUTPUT_FILES, err)) > 0) {
        struct sl_manifest_file file = {.bytes = (uint64_t)sqlite3_column_int64(get, 1),
                                        .hash = (uint64_t)sqlite3_column_int64(get, 2)};
        const char *name = column_text(get, 0);
        int64_t checksum =
            sl_row_output_file(catalog->hash, batch, output, manifest->path, name, file.bytes, file.hash);
        if (checksum != sqlite3_column_int64(get, 3) || strlen(name) >= sizeof file.name)
            r = sl_catalog_damaged(catalog, err, "table output_file, row %.300s/%.40s", manifest->path, name);
        snprintf(file.name, sizeof file.name, "%s", name);
        r = r < 0 ? r : add_file(manifest, &file, err);
        if (r < 0)
            break;
    }
    (void)sqlite3_reset(get); /* the first failure is the one reported */
    return r < 0 ? r : 0;
}

/* 1: the row of table output; 0: there is none. */
static int find_output(const struct sl_catalog *catalog, int64_t time_ms, const char *path,
                       int64_t *ret_batch, int64_t *ret_output, uint64_t *ret_records, struct sl_error *err)
{
    sqlite3_stmt *get = catalog->sql[SL_SQL_GET_OUTPUT];
    sl_statement_integer(get, 1, time_ms);
    sl_statement_text(get, 2, path);
    int r = sl_catalog_step(catalog, SL_SQL_GET_OUTPUT, err);
    if (r <= 0)
        return r;
    *ret_batch = sqlite3_column_int64(get, 0);
    *ret_output = sqlite3_column_int64(get, 1);
    *ret_records = (uint64_t)sqlite3_column_int64(get, 2);
    (void)sqlite3_reset(get); /* there was a row: no failure to repeat */
    return 1;
}

static int history_manifest(struct sl_history *history, int64_t time_ms, const char *path,
                            struct sl_manifest *ret, struct sl_error *err)
{
    const struct sl_catalog *catalog = (struct sl_catalog *)history;
    struct sl_manifest manifest = {.retained = true, .path = strdup(path)};
    int64_t batch, output;
    int r = manifest.path ? find_output(catalog, time_ms, path, &batch, &output, &manifest.records, err)
                          : sl_error_nomem(err);
    if (r == 0)
        r = sl_catalog_damaged(catalog, err, "table output, row %.300s is missing", path);
    if (r > 0)
        r = read_files(catalog, batch, output, &manifest, err);
    if (r < 0)
        sl_manifest_done(&manifest);
    else
        *ret = manifest;
    return r;
}

/* ---- letting go ---- */

static int history_release(struct sl_history *history, int64_t time_ms, const char *path,
                           struct sl_error *err)
{
    struct sl_catalog *catalog = (struct sl_catalog *)history;
    struct sl_released_output *grown =
        sl_array_grow(catalog->released, catalog->released_count, &catalog->released_capacity, sizeof *grown);
    if (!grown)
        return sl_error_nomem(err);
    catalog->released = grown;
    char *copy = strdup(path);
    if (!copy)
        return sl_error_nomem(err);
    catalog->released[catalog->released_count++] = (struct sl_released_output){time_ms, copy};
    return 0;
}

static int put_released(const struct sl_catalog *catalog, const struct sl_released_output *gone,
                        struct sl_error *err)
{
    static const enum sl_statement step[] = {SL_SQL_DROP_RELEASED_FILES, SL_SQL_DROP_RELEASED,
                                             SL_SQL_RELEASE};
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof step / sizeof *step; i++) {
        sl_statement_integer(catalog->sql[step[i]], 1, gone->time_ms);
        sl_statement_text(catalog->sql[step[i]], 2, gone->path);
        r = sl_catalog_step(catalog, step[i], err);
    }
    return r;
}

int sl_catalog_put_released(struct sl_catalog *catalog, struct sl_error *err)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < catalog->released_count; i++)
        r = put_released(catalog, &catalog->released[i], err);
    return r;
}

void sl_catalog_clear_released(struct sl_catalog *catalog)
{
    for (size_t i = 0; i < catalog->released_count; i++)
        free(catalog->released[i].path);
    catalog->released_count = 0;
}

/* ---- the end of history ---- */

/* A few batches at a time: no commit pays for a week at once. */
int sl_catalog_drop_old(const struct sl_catalog *catalog, int64_t from_ms, struct sl_error *err)
{
    static const enum sl_statement step[] = {
        SL_SQL_DROP_OLD_FILES,          SL_SQL_DROP_OLD_RANGES,  SL_SQL_DROP_OLD_WATERMARKS,
        SL_SQL_DROP_OLD_QUARANTINED,    SL_SQL_DROP_OLD_ERRORS,  SL_SQL_DROP_OLD_OUTPUT_FILES,
        SL_SQL_DROP_OLD_OUTPUT_SOURCES, SL_SQL_DROP_OLD_OUTPUTS, SL_SQL_DROP_OLD_BATCHES};
    sqlite3_stmt *get = catalog->sql[SL_SQL_GET_OLD];
    sl_statement_integer(get, 1, from_ms);
    int r = sl_catalog_step(catalog, SL_SQL_GET_OLD, err);
    if (r < 0)
        return r;
    bool any = sqlite3_column_type(get, 0) == SQLITE_INTEGER;
    int64_t first = sqlite3_column_int64(get, 0), last = sqlite3_column_int64(get, 1);
    (void)sqlite3_reset(get); /* there was a row: no failure to repeat */
    r = 0;
    for (size_t i = 0; any && r == 0 && i < sizeof step / sizeof *step; i++) {
        sl_statement_integer(catalog->sql[step[i]], 1, first);
        sl_statement_integer(catalog->sql[step[i]], 2, last);
        r = sl_catalog_step(catalog, step[i], err);
    }
    return r;
}

const struct sl_history_ops sl_catalog_history_ops = {history_oldest, history_manifest, history_release};
