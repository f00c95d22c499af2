/* What batches read of sources that are not files: a document for each such source with every plan, and the newest
 * committed one, which stays when its batch leaves the history and while the job does not have the source. */
#include "state/catalog/rows.h"
#include "state/catalog/sources.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing ---- */

static int put_range(const struct sl_catalog *catalog, int64_t number, int64_t source,
                     const struct sl_buf *range, int64_t *digest, struct sl_error *err)
{
    sqlite3_stmt *put = catalog->sql[SL_SQL_PUT_RANGE];
    int64_t checksum = sl_row_range(catalog->hash, number, source, range->bytes, range->len);
    sl_statement_integer(put, 1, number);
    sl_statement_integer(put, 2, source);
    sl_statement_bytes(put, 3, range->bytes, range->len);
    sl_statement_integer(put, 4, checksum);
    *digest = sl_digest_add(*digest, checksum);
    return sl_catalog_step(catalog, SL_SQL_PUT_RANGE, err);
}

int sl_catalog_put_ranges(const struct sl_catalog *catalog, const struct sl_batch_plan *plan, int64_t *digest,
                          struct sl_error *err)
{
    int r = 0;
    for (size_t s = 0; plan->range && s < plan->sources && r == 0; s++)
        if (plan->range[s].len)
            r = put_range(catalog, (int64_t)plan->number, catalog->source_id[s], &plan->range[s], digest,
                          err);
    return r;
}

int sl_catalog_put_reached(const struct sl_catalog *catalog, const struct sl_batch_plan *plan,
                           struct sl_error *err)
{
    sqlite3_stmt *put = catalog->sql[SL_SQL_PUT_REACHED];
    int r = 0;
    for (size_t s = 0; plan->range && s < plan->sources && r == 0; s++) {
        const struct sl_buf *range = &plan->range[s];
        if (range->len == 0)
            continue;
        sl_statement_integer(put, 1, catalog->source_id[s]);
        sl_statement_bytes(put, 2, range->bytes, range->len);
        sl_statement_integer(put, 3,
                             sl_row_reached(catalog->hash, catalog->source_id[s], range->bytes, range->len));
        r = sl_catalog_step(catalog, SL_SQL_PUT_REACHED, err);
    }
    return r;
}

/* ---- reading ---- */

static int keep_document(const struct sl_catalog_sources *job, int64_t source, struct sl_buf *list,
                         const void *bytes, size_t len)
{
    size_t index = sl_catalog_sources_index(job, source);
    if (index >= job->catalog->sources)
        return 0;
    list[index].len = 0;
    return sl_buf_append(&list[index], bytes, len) ? 0 : sl_error_nomem(job->err);
}

/* A batch that was planned is lost where the job no longer has the source; a committed one is of no use then. */
static int check_source(const struct sl_catalog_sources *job, int64_t source, int64_t number)
{
    const struct sl_known_source *known = sl_catalog_sources_find(job, source);
    if (number != job->catalog->progress.planned ||
        sl_catalog_sources_index(job, source) < job->catalog->sources)
        return 0;
    return sl_error_set(job->err, SL_EUSAGE,
                        "a batch was planned with records of %s, which the job no longer receives; run "
                        "the job as it was once with --once, then change it",
                        known ? known->key : "a source");
}

static int read_range(const struct sl_catalog_sources *job, struct sl_batch_plan *plan, int64_t *digest)
{
    const struct sl_catalog *catalog = job->catalog;
    sqlite3_stmt *get = catalog->sql[SL_SQL_GET_RANGES];
    int64_t number = (int64_t)plan->number, source = sqlite3_column_int64(get, 0);
    bool is_integer = sqlite3_column_type(get, 1) == SQLITE_INTEGER; /* of version 4 */
    int64_t expected = is_integer ? sl_row_place(catalog->hash, number, source, sqlite3_column_int64(get, 1))
                                  : sl_row_range(catalog->hash, number, source, sqlite3_column_blob(get, 1),
                                                 (size_t)sqlite3_column_bytes(get, 1));
    if (sqlite3_column_int64(get, 2) != expected)
        return sl_catalog_damaged(catalog, job->err, "table input_range, row of batch %" PRId64,
                                  plan->batch_ms);
    *digest = sl_digest_add(*digest, expected);
    int r = check_source(job, source, number);
    if (r < 0)
        return r;
    const void *bytes = is_integer ? (const void *)sqlite3_column_text(get, 1) : sqlite3_column_blob(get, 1);
    return keep_document(job, source, plan->range, bytes, (size_t)sqlite3_column_bytes(get, 1));
}

int sl_catalog_read_ranges(const struct sl_catalog_sources *job, struct sl_batch_plan *plan, int64_t *digest)
{
    sqlite3_stmt *get = job->catalog->sql[SL_SQL_GET_RANGES];
    int r;
    sl_statement_integer(get, 1, (int64_t)plan->number);
    while ((r = sl_catalog_step(job->catalog, SL_SQL_GET_RANGES, job->err)) > 0)
        if ((r = read_range(job, plan, digest)) < 0)
            break;
    (void)sqlite3_reset(get); /* a failure was reported already */
    return r < 0 ? r : 0;
}

/* The source of this number among those that the job does not have. */
static struct sl_buf *find_lost(const struct sl_catalog_sources *job, const struct sl_progress *progress,
                                int64_t source)
{
    const struct sl_known_source *known = sl_catalog_sources_find(job, source);
    for (size_t i = 0; known && i < progress->lost_count; i++)
        if (strcmp(progress->lost[i].key, known->key) == 0)
            return &progress->lost[i].reached;
    return NULL;
}

static int list_lost(const struct sl_catalog_sources *job, struct sl_progress *progress)
{
    progress->lost = calloc(job->known_count + 1, sizeof *progress->lost);
    if (!progress->lost)
        return sl_error_nomem(job->err);
    for (size_t i = 0; i < job->known_count; i++) {
        if (sl_catalog_sources_index(job, job->known[i].id) < job->catalog->sources)
            continue;
        progress->lost[progress->lost_count].key = strdup(job->known[i].key);
        if (!progress->lost[progress->lost_count++].key)
            return sl_error_nomem(job->err);
    }
    return 0;
}

static int read_reached(const struct sl_catalog_sources *job, struct sl_progress *progress)
{
    const struct sl_catalog *catalog = job->catalog;
    sqlite3_stmt *get = catalog->sql[SL_SQL_GET_REACHED];
    int64_t source = sqlite3_column_int64(get, 0);
    const void *bytes = sqlite3_column_blob(get, 1);
    size_t len = (size_t)sqlite3_column_bytes(get, 1), index = sl_catalog_sources_index(job, source);
    if (sqlite3_column_int64(get, 2) != sl_row_reached(catalog->hash, source, bytes, len))
        return sl_catalog_damaged(catalog, job->err, "table reached, row %" PRId64, source);
    struct sl_buf *to =
        index < catalog->sources ? &progress->reached[index] : find_lost(job, progress, source);
    if (!to)
        return 0;
    to->len = 0;
    return sl_buf_append(to, bytes, len) ? 0 : sl_error_nomem(job->err);
}

/* Both are written by one commit. Version 4 did not have the table: then the batch's own document is the newest. */
static int compare_with_last(const struct sl_catalog_sources *job, struct sl_progress *progress)
{
    int r = 0;
    for (size_t s = 0; r == 0 && progress->last.range && s < job->count; s++) {
        const struct sl_buf *range = &progress->last.range[s];
        struct sl_buf *reached = &progress->reached[s];
        if (range->len && !reached->len)
            r = sl_buf_append(reached, range->bytes, range->len) ? 0 : sl_error_nomem(job->err);
        else if (range->len &&
                 (range->len != reached->len || memcmp(range->bytes, reached->bytes, range->len) != 0))
            r = sl_catalog_damaged(job->catalog, job->err, "table reached, source %s", job->key[s]);
    }
    return r;
}

int sl_catalog_read_reached(const struct sl_catalog_sources *job, struct sl_progress *progress)
{
    sqlite3_stmt *get = job->catalog->sql[SL_SQL_GET_REACHED];
    int r = list_lost(job, progress);
    while (r == 0 && (r = sl_catalog_step(job->catalog, SL_SQL_GET_REACHED, job->err)) > 0)
        r = read_reached(job, progress);
    (void)sqlite3_reset(get); /* a failure was reported already */
    return r < 0 ? r : compare_with_last(job, progress);
}
