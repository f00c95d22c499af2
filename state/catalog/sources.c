/* Sources are distinguished by their key, and equal keys by their occurrence: the first, second ...
 * source of the job with that key. A job that changed finds what its old sources have taken, whatever
 * their position now. */
#include "state/catalog/sources.h"

#include "state/catalog/rows.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int note_source(struct sl_catalog_sources *sources, int64_t id, const char *key, int64_t occurrence)
{
    struct sl_known_source *grown = reallocarray(sources->known, sources->known_count + 1, sizeof *grown);
    if (!grown)
        return sl_error_nomem(sources->err);
    sources->known = grown;
    grown[sources->known_count] = (struct sl_known_source){id, occurrence, strdup(key)};
    if (!grown[sources->known_count].key)
        return sl_error_nomem(sources->err);
    sources->known_count++;
    return 0;
}

static int read_sources(struct sl_catalog_sources *sources)
{
    const struct sl_catalog *catalog = sources->catalog;
    sqlite3_stmt *get = catalog->sql[SL_SQL_GET_SOURCES];
    int r;
    while ((r = sl_catalog_step(catalog, SL_SQL_GET_SOURCES, sources->err)) > 0) {
        int64_t id = sqlite3_column_int64(get, 0), occurrence = sqlite3_column_int64(get, 2);
        const char *key = (const char *)sqlite3_column_text(get, 1);
        key = key ? key : "";
        if (sqlite3_column_int64(get, 3) == sl_row_source(catalog->hash, id, key, occurrence))
            r = note_source(sources, id, key, occurrence);
        else
            r = sl_catalog_damaged(catalog, sources->err, "table source, row %" PRId64, id);
        if (r < 0)
            break;
    }
    (void)sqlite3_reset(get); /* the first failure is the one reported */
    return r < 0 ? r : 0;
}

static const struct sl_known_source *find_known(const struct sl_catalog_sources *sources, const char *key,
                                                int64_t occurrence)
{
    for (size_t i = 0; i < sources->known_count; i++)
        if (sources->known[i].occurrence == occurrence && strcmp(sources->known[i].key, key) == 0)
            return &sources->known[i];
    return NULL;
}

const struct sl_known_source *sl_catalog_sources_find(const struct sl_catalog_sources *sources, int64_t id)
{
    for (size_t i = 0; i < sources->known_count; i++)
        if (sources->known[i].id == id)
            return &sources->known[i];
    return NULL;
}

/* How many sources before this one have its key. */
static int64_t occurrence_of(const struct sl_catalog_sources *sources, size_t source)
{
    int64_t occurrence = 0;
    for (size_t i = 0; i < source; i++)
        occurrence += strcmp(sources->key[i], sources->key[source]) == 0;
    return occurrence;
}

static int put_source(struct sl_catalog_sources *sources, size_t source)
{
    const struct sl_catalog *catalog = sources->catalog;
    sqlite3_stmt *put = catalog->sql[SL_SQL_PUT_SOURCE];
    int64_t id = sources->known_count ? sources->known[sources->known_count - 1].id + 1 : 1;
    int64_t occurrence = occurrence_of(sources, source);
    const char *key = sources->key[source];
    sl_statement_integer(put, 1, id);
    sl_statement_text(put, 2, key);
    sl_statement_integer(put, 3, occurrence);
    sl_statement_integer(put, 4, sl_row_source(catalog->hash, id, key, occurrence));
    int r = sl_catalog_step(catalog, SL_SQL_PUT_SOURCE, sources->err);
    if (r == 0 && sources->wants->only_new && sources->wants->only_new[source]) {
        sl_statement_integer(catalog->sql[SL_SQL_PUT_UNDECIDED], 1, id);
        r = sl_catalog_step(catalog, SL_SQL_PUT_UNDECIDED, sources->err);
    }
    return r < 0 ? r : note_source(sources, id, key, occurrence);
}

/* A new source must not get the number of one that was lost, and with it the files that one has taken. */
static int check_orphans(const struct sl_catalog_sources *sources)
{
    static const char orphans[] = "SELECT count(*) FROM taken WHERE source NOT IN (SELECT id FROM source)";
    int64_t count = 0;
    int r = sl_database_integer(&sources->catalog->database, orphans, &count, sources->err);
    if (r == 0 && count)
        r = sl_catalog_damaged(sources->catalog, sources->err, "table source, a row is missing");
    return r;
}

static int put_missing_sources(struct sl_catalog_sources *sources)
{
    bool missing = false;
    int r = 0;
    for (size_t i = 0; i < sources->count; i++)
        missing |= !find_known(sources, sources->key[i], occurrence_of(sources, i));
    if (!missing)
        return 0;
    r = check_orphans(sources);
    if (r < 0)
        return r;
    r = sl_catalog_begin(sources->catalog, sources->err);
    for (size_t i = 0; r == 0 && i < sources->count; i++)
        if (!find_known(sources, sources->key[i], occurrence_of(sources, i)))
            r = put_source(sources, i);
    r = r < 0 ? r : sl_catalog_end(sources->catalog, &sources->catalog->progress, sources->err);
    if (r < 0)
        sl_catalog_abort(sources->catalog);
    return r;
}

static int map_sources(struct sl_catalog_sources *sources)
{
    struct sl_catalog *catalog = sources->catalog;
    int64_t *id = calloc(sources->count + 1, sizeof *id); /* + 1: never of size 0 */
    if (!id)
        return sl_error_nomem(sources->err);
    for (size_t i = 0; i < sources->count; i++)
        id[i] = find_known(sources, sources->key[i], occurrence_of(sources, i))->id;
    free(catalog->source_id);
    catalog->source_id = id;
    catalog->sources = sources->count;
    return 0;
}

int sl_catalog_sources_load(struct sl_catalog_sources *sources)
{
    int r = read_sources(sources);
    r = r < 0 ? r : put_missing_sources(sources);
    return r < 0 ? r : map_sources(sources);
}

size_t sl_catalog_sources_index(const struct sl_catalog_sources *sources, int64_t id)
{
    const struct sl_catalog *catalog = sources->catalog;
    size_t i = 0;
    while (i < catalog->sources && catalog->source_id[i] != id)
        i++;
    return i;
}

void sl_catalog_sources_done(struct sl_catalog_sources *sources)
{
    for (size_t i = 0; i < sources->known_count; i++)
        free(sources->known[i].key);
    free(sources->known);
    sources->known = NULL;
    sources->known_count = 0;
}
