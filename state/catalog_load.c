/* What a start reads. Every row that decides results is checked before it is used: its checksum, and for sets
 * of rows their number and the sum of their checksums. */
#include "state/catalog_inside.h"
#include "state/rows.h"
#include "state/seal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A row of table source. */
struct known_source {
    int64_t id, occurrence;
    char *key;
};

struct loading {
    struct sl_catalog *catalog;
    size_t sources; /* of the job */
    const char *const *key;
    struct known_source *known;
    size_t known_count;
    struct sl_error *err;
};

void sl_plan_done(struct sl_plan *plan)
{
    for (size_t i = 0; plan->files && i < plan->sources; i++)
        sl_files_done(&plan->files[i]);
    free(plan->files);
    *plan = (struct sl_plan){0};
}

void sl_progress_done(struct sl_progress *progress)
{
    sl_plan_done(&progress->plan);
    *progress = (struct sl_progress){0};
}

/* ---- progress ---- */

/* No row: right for a new catalog only. */
static int check_new(const struct loading *loading)
{
    const struct sl_catalog *catalog = loading->catalog;
    int64_t batches = 0;
    int r = sl_database_integer(&catalog->database, "SELECT count(*) FROM batch", &batches, loading->err);
    if (r == 0 && batches)
        r = sl_catalog_damaged(catalog, loading->err, "table progress, its row is missing");
    return r;
}

static int read_progress(const struct loading *loading)
{
    struct sl_catalog *catalog = loading->catalog;
    sqlite3_stmt *get = catalog->sql[SL_SQL_GET_PROGRESS];
    int64_t column[7];
    int r = sl_catalog_step(catalog, SL_SQL_GET_PROGRESS, loading->err);
    if (r <= 0)
        return r < 0 ? r : check_new(loading);
    for (int i = 0; i < 7; i++)
        column[i] = sqlite3_column_int64(get, i);
    (void)sqlite3_reset(get); /* there was a row: no failure to repeat */
    if (column[6] !=
        sl_row_progress(catalog->hash, column[0], column[1], column[2], column[3], column[4], column[5]))
        return sl_catalog_damaged(catalog, loading->err, "table progress, row 1");
    catalog->progress =
        (struct sl_catalog_progress){column[0], column[1], column[2], column[3], column[4], column[5]};
    return 0;
}

/* state/seal.h: the catalog must know at least what the seal knows. */
static int check_seal(const struct loading *loading)
{
    const struct sl_catalog *catalog = loading->catalog;
    int64_t sealed = sl_seal_read(catalog->io, catalog->dirfd);
    if (sealed <= catalog->progress.serial)
        return 0;
    return sl_catalog_damaged(catalog, loading->err, "its last %" PRId64 " transactions are lost",
                              sealed - catalog->progress.serial);
}

/* ---- sources ---- */

static int note_source(struct loading *loading, int64_t id, const char *key, int64_t occurrence)
{
    struct known_source *grown = reallocarray(loading->known, loading->known_count + 1, sizeof *grown);
    if (!grown)
        return sl_error_nomem(loading->err);
    loading->known = grown;
    grown[loading->known_count] = (struct known_source){id, occurrence, strdup(key)};
    if (!grown[loading->known_count].key)
        return sl_error_nomem(loading->err);
    loading->known_count++;
    return 0;
}

static int read_sources(struct loading *loading)
{
    const struct sl_catalog *catalog = loading->catalog;
    sqlite3_stmt *get = catalog->sql[SL_SQL_GET_SOURCES];
    int r;
    while ((r = sl_catalog_step(catalog, SL_SQL_GET_SOURCES, loading->err)) > 0) {
        int64_t id = sqlite3_column_int64(get, 0), occurrence = sqlite3_column_int64(get, 2);
        const char *key = (const char *)sqlite3_column_text(get, 1);
        key = key ? key : "";
        if (sqlite3_column_int64(get, 3) == sl_row_source(catalog->hash, id, key, occurrence))
            r = note_source(loading, id, key, occurrence);
        else
            r = sl_catalog_damaged(catalog, loading->err, "table source, row %" PRId64, id);
        if (r < 0)
            break;
    }
    (void)sqlite3_reset(get); /* a failure was told already */
    return r < 0 ? r : 0;
}

static const struct known_source *find_known(const struct loading *loading, const char *key,
                                             int64_t occurrence)
{
    for (size_t i = 0; i < loading->known_count; i++)
        if (loading->known[i].occurrence == occurrence && strcmp(loading->known[i].key, key) == 0)
            return &loading->known[i];
    return NULL;
}

static const struct known_source *find_id(const struct loading *loading, int64_t id)
{
    for (size_t i = 0; i < loading->known_count; i++)
        if (loading->known[i].id == id)
            return &loading->known[i];
    return NULL;
}

/* How many sources before this one have its key. */
static int64_t occurrence_of(const struct loading *loading, size_t source)
{
    int64_t occurrence = 0;
    for (size_t i = 0; i < source; i++)
        occurrence += strcmp(loading->key[i], loading->key[source]) == 0;
    return occurrence;
}

static int put_source(struct loading *loading, size_t source)
{
    const struct sl_catalog *catalog = loading->catalog;
    sqlite3_stmt *put = catalog->sql[SL_SQL_PUT_SOURCE];
    int64_t id = loading->known_count ? loading->known[loading->known_count - 1].id + 1 : 1;
    int64_t occurrence = occurrence_of(loading, source);
    const char *key = loading->key[source];
    sl_statement_integer(put, 1, id);
    sl_statement_text(put, 2, key);
    sl_statement_integer(put, 3, occurrence);
    sl_statement_integer(put, 4, sl_row_source(catalog->hash, id, key, occurrence));
    int r = sl_catalog_step(catalog, SL_SQL_PUT_SOURCE, loading->err);
    return r < 0 ? r : note_source(loading, id, key, occurrence);
}

/* A new source must not get the number of one that was lost, and with it the files that one has taken. */
static int check_orphans(const struct loading *loading)
{
    static const char orphans[] = "SELECT count(*) FROM taken WHERE source NOT IN (SELECT id FROM source)";
    int64_t count = 0;
    int r = sl_database_integer(&loading->catalog->database, orphans, &count, loading->err);
    if (r == 0 && count)
        r = sl_catalog_damaged(loading->catalog, loading->err, "table source, a row is missing");
    return r;
}

static int put_missing_sources(struct loading *loading)
{
    bool missing = false;
    int r = 0;
    for (size_t i = 0; i < loading->sources; i++)
        missing |= !find_known(loading, loading->key[i], occurrence_of(loading, i));
    if (!missing)
        return 0;
    r = check_orphans(loading);
    if (r < 0)
        return r;
    r = sl_catalog_begin(loading->catalog, loading->err);
    for (size_t i = 0; r == 0 && i < loading->sources; i++)
        if (!find_known(loading, loading->key[i], occurrence_of(loading, i)))
            r = put_source(loading, i);
    r = r < 0 ? r : sl_catalog_end(loading->catalog, &loading->catalog->progress, loading->err);
    if (r < 0)
        sl_catalog_abort(loading->catalog);
    return r;
}

static int map_sources(struct loading *loading)
{
    struct sl_catalog *catalog = loading->catalog;
    int64_t *id = calloc(loading->sources + 1, sizeof *id); /* + 1: never of size 0 */
    if (!id)
        return sl_error_nomem(loading->err);
    for (size_t i = 0; i < loading->sources; i++)
        id[i] = find_known(loading, loading->key[i], occurrence_of(loading, i))->id;
    free(catalog->source_id);
    catalog->source_id = id;
    catalog->sources = loading->sources;
    return 0;
}

/* The job's source of that id, or `sources` if the job has it no more. */
static size_t source_index(const struct loading *loading, int64_t id)
{
    const struct sl_catalog *catalog = loading->catalog;
    size_t i = 0;
    while (i < catalog->sources && catalog->source_id[i] != id)
        i++;
    return i;
}

/* ---- files ---- */

/* What a set of rows adds up to. */
struct tally {
    int64_t count, digest;
};

/* One row of `file` (batch >= 0) or `taken`, added to files[] unless the job has lost its source. */
static int read_file(const struct loading *loading, sqlite3_stmt *get, int64_t batch, struct tally *tally,
                     struct sl_files *files)
{
    const struct sl_catalog *catalog = loading->catalog;
    int64_t source = sqlite3_column_int64(get, 0), checksum = sqlite3_column_int64(get, 2);
    struct sl_file file = sl_catalog_column_file(get);
    const char *table = batch < 0 ? "taken" : "file";
    int64_t expected = batch < 0
                           ? sl_row_taken(catalog->hash, source, &file)
                           : sl_row_file(catalog->hash, batch, source, sqlite3_column_int64(get, 1), &file);
    const struct known_source *known = find_id(loading, source);
    if (checksum != expected || !known)
        return sl_catalog_damaged(catalog, loading->err, "table %s, row %.300s", table, file.path);
    tally->count++;
    tally->digest = sl_digest_add(tally->digest, checksum);
    size_t index = source_index(loading, source);
    if (index < catalog->sources)
        return sl_files_add(&files[index], &file) < 0 ? sl_error_nomem(loading->err) : 0;
    if (batch < 0)
        return 0;
    return sl_error_set(
        loading->err, SL_EUSAGE,
        "a batch was planned with files of %s, which the job does not watch any more; run the job "
        "as it was once with --once, then change it",
        known->key);
}

static int read_files(const struct loading *loading, enum sl_sql which, int64_t batch, struct tally *tally,
                      struct sl_files *files)
{
    sqlite3_stmt *get = loading->catalog->sql[which];
    int r;
    while ((r = sl_catalog_step(loading->catalog, which, loading->err)) > 0)
        if ((r = read_file(loading, get, batch, tally, files)) < 0)
            break;
    (void)sqlite3_reset(get); /* a failure was told already */
    return r < 0 ? r : 0;
}

static int read_taken(const struct loading *loading, struct sl_files *remembered)
{
    const struct sl_catalog *catalog = loading->catalog;
    struct tally tally = {0};
    int r = read_files(loading, SL_SQL_GET_ALL_TAKEN, -1, &tally, remembered);
    if (r == 0 && (tally.count != catalog->progress.taken || tally.digest != catalog->progress.taken_digest))
        r = sl_catalog_damaged(catalog, loading->err, "table taken, rows are missing or doubled");
    return r;
}

/* The row of table batch. *ret: time and what its files add up to. */
static int read_batch(const struct loading *loading, int64_t number, int64_t *ret_time_ms, struct tally *ret)
{
    const struct sl_catalog *catalog = loading->catalog;
    sqlite3_stmt *get = catalog->sql[SL_SQL_GET_BATCH];
    sl_statement_integer(get, 1, number);
    int r = sl_catalog_step(catalog, SL_SQL_GET_BATCH, loading->err);
    if (r < 0)
        return r;
    if (r == 0)
        return sl_catalog_damaged(catalog, loading->err, "table batch, row %" PRId64 " is missing", number);
    *ret_time_ms = sqlite3_column_int64(get, 0);
    *ret = (struct tally){sqlite3_column_int64(get, 2), sqlite3_column_int64(get, 3)};
    bool sound = sqlite3_column_int64(get, 4) ==
                 sl_row_batch(catalog->hash, number, *ret_time_ms, 0, ret->count, ret->digest);
    (void)sqlite3_reset(get); /* there was a row: no failure to repeat */
    return sound ? 0 : sl_catalog_damaged(catalog, loading->err, "table batch, row %" PRId64, number);
}

static int read_plan(const struct loading *loading, struct sl_plan *ret)
{
    const struct sl_catalog *catalog = loading->catalog;
    int64_t number = catalog->progress.planned;
    struct tally expected, found = {0};
    struct sl_plan plan = {.number = (uint64_t)number, .sources = loading->sources};
    int r = read_batch(loading, number, &plan.batch_ms, &expected);
    if (r < 0)
        return r;
    plan.files = calloc(loading->sources + 1, sizeof *plan.files); /* + 1: never of size 0 */
    if (!plan.files)
        return sl_error_nomem(loading->err);
    sl_statement_integer(catalog->sql[SL_SQL_GET_FILES], 1, number);
    r = read_files(loading, SL_SQL_GET_FILES, number, &found, plan.files);
    if (r == 0 && (found.count != expected.count || found.digest != expected.digest))
        r = sl_catalog_damaged(catalog, loading->err,
                               "table file, rows of batch %" PRId64 " are missing or doubled", plan.batch_ms);
    if (r < 0)
        sl_plan_done(&plan);
    else
        *ret = plan;
    return r;
}

/* ---- load ---- */

static int load(struct loading *loading, struct sl_files *remembered, struct sl_plan *ret_plan)
{
    int r = read_progress(loading);
    r = r < 0 ? r : check_seal(loading);
    r = r < 0 ? r : read_sources(loading);
    r = r < 0 ? r : put_missing_sources(loading);
    r = r < 0 ? r : map_sources(loading);
    r = r < 0 ? r : read_taken(loading, remembered);
    return r < 0 || loading->catalog->progress.planned < 0 ? r : read_plan(loading, ret_plan);
}

static void loading_done(struct loading *loading)
{
    for (size_t i = 0; i < loading->known_count; i++)
        free(loading->known[i].key);
    free(loading->known);
}

int sl_catalog_load(struct sl_catalog *catalog, size_t sources, const char *const *source_key,
                    struct sl_progress *ret_progress, struct sl_files *ret_remembered, struct sl_error *err)
{
    struct loading loading = {.catalog = catalog, .sources = sources, .key = source_key, .err = err};
    struct sl_plan plan = {0};
    for (size_t i = 0; i < sources; i++)
        ret_remembered[i] = (struct sl_files){0};
    int r = load(&loading, ret_remembered, &plan);
    loading_done(&loading);
    for (size_t i = 0; r < 0 && i < sources; i++)
        sl_files_done(&ret_remembered[i]);
    if (r < 0)
        return r;
    *ret_progress = (struct sl_progress){
        .any = catalog->progress.batches > 0,
        .last_ms = catalog->progress.last_ms,
        .batches = (uint64_t)catalog->progress.batches,
        .planned = catalog->progress.planned >= 0,
        .plan = plan,
    };
    return 0;
}
