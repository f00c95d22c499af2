/* What a start reads. Every row that decides results is checked before it is used: its checksum, and for sets
 * of rows their number and the sum of their checksums. */
#include "state/catalog/rows.h"
#include "state/catalog/sources.h"
#include "state/catalog/taken.h"
#include "state/store/seal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void sl_batch_plan_done(struct sl_batch_plan *plan)
{
    for (size_t i = 0; plan->files && i < plan->sources; i++)
        sl_files_done(&plan->files[i]);
    for (size_t i = 0; plan->range && i < plan->sources; i++)
        sl_buf_done(&plan->range[i]);
    for (size_t i = 0; i < plan->quarantined_count; i++)
        free(plan->quarantined[i].reason);
    for (size_t i = 0; i < plan->watermarks; i++)
        free(plan->watermark[i].op_key);
    free(plan->watermark);
    free(plan->quarantined);
    free(plan->files);
    free(plan->range);
    *plan = (struct sl_batch_plan){0};
}

void sl_progress_done(struct sl_progress *progress)
{
    sl_batch_plan_done(&progress->plan);
    sl_batch_plan_done(&progress->last);
    for (size_t s = 0; progress->reached && s < progress->sources; s++)
        sl_buf_done(&progress->reached[s]);
    for (size_t i = 0; i < progress->lost_count; i++) {
        free(progress->lost[i].key);
        sl_buf_done(&progress->lost[i].reached);
    }
    free(progress->lost);
    free(progress->reached);
    free(progress->undecided);
    free(progress->segments);
    free(progress->job);
    *progress = (struct sl_progress){0};
}

/* ---- progress ---- */

/* No row: right for a new catalog only. */
static int check_new(const struct sl_catalog_sources *job)
{
    const struct sl_catalog *catalog = job->catalog;
    int64_t batches = 0;
    int r = sl_database_integer(&catalog->database, "SELECT count(*) FROM batch", &batches, job->err);
    if (r == 0 && batches)
        r = sl_catalog_damaged(catalog, job->err, "table progress, its row is missing");
    return r;
}

static int read_progress(const struct sl_catalog_sources *job)
{
    struct sl_catalog *catalog = job->catalog;
    sqlite3_stmt *get = catalog->sql[SL_SQL_GET_PROGRESS];
    int64_t column[7];
    int r = sl_catalog_step(catalog, SL_SQL_GET_PROGRESS, job->err);
    if (r <= 0)
        return r < 0 ? r : check_new(job);
    for (int i = 0; i < 7; i++)
        column[i] = sqlite3_column_int64(get, i);
    const char *segments = (const char *)sqlite3_column_text(get, 7);
    free(catalog->segments);
    catalog->segments = strdup(segments ? segments : "");
    (void)sqlite3_reset(get); /* there was a row: no failure to repeat */
    if (!catalog->segments)
        return sl_error_nomem(job->err);
    if (column[6] != sl_row_progress(catalog->hash, column[0], column[1], column[2], column[3], column[4],
                                     column[5], catalog->segments))
        return sl_catalog_damaged(catalog, job->err, "table progress, row 1");
    catalog->progress =
        (struct sl_catalog_progress){column[0], column[1], column[2], column[3], column[4], column[5]};
    return 0;
}

/* state/store/seal.h: the catalog must know at least what the seal knows. */
static int check_seal(const struct sl_catalog_sources *job)
{
    const struct sl_catalog *catalog = job->catalog;
    int64_t sealed = sl_seal_read(catalog->io, catalog->dirfd);
    if (sealed <= catalog->progress.serial)
        return 0;
    return sl_catalog_damaged(catalog, job->err, "its last %" PRId64 " transactions are lost",
                              sealed - catalog->progress.serial);
}

/* ---- files ---- */

static int add_file(const struct sl_catalog_sources *job, struct sl_files *files, const struct sl_file *file)
{
    return sl_files_add(files, file) < 0 ? sl_error_nomem(job->err) : 0;
}

/* One row of the planned batch or the newest one; not added where the job has lost its source. */
static int read_file(const struct sl_catalog_sources *job, sqlite3_stmt *get, int64_t batch,
                     struct sl_row_sum *sum, struct sl_files *files)
{
    const struct sl_catalog *catalog = job->catalog;
    int64_t source = sqlite3_column_int64(get, 0), checksum = sqlite3_column_int64(get, 2);
    struct sl_file file = sl_catalog_column_file(get);
    int64_t expected = sl_row_file(catalog->hash, batch, source, sqlite3_column_int64(get, 1), &file);
    const struct sl_known_source *known = sl_catalog_sources_find(job, source);
    if (checksum != expected || !known)
        return sl_catalog_damaged(catalog, job->err, "table file, row %.300s", file.path);
    sl_row_sum_add(sum, checksum);
    size_t index = sl_catalog_sources_index(job, source);
    if (index < catalog->sources)
        return add_file(job, &files[index], &file);
    if (batch != catalog->progress.planned)
        return 0;
    return sl_error_set(job->err, SL_EUSAGE,
                        "a batch was planned with files of %s, which the job no longer watches; run the job "
                        "as it was once with --once, then change it",
                        known->key);
}

static int read_files(const struct sl_catalog_sources *job, int64_t batch, struct sl_row_sum *sum,
                      struct sl_files *files)
{
    sqlite3_stmt *get = job->catalog->sql[SL_SQL_GET_FILES];
    int r;
    sl_statement_integer(get, 1, batch);
    while ((r = sl_catalog_step(job->catalog, SL_SQL_GET_FILES, job->err)) > 0)
        if ((r = read_file(job, get, batch, sum, files)) < 0)
            break;
    (void)sqlite3_reset(get); /* the first failure is the one reported */
    return r < 0 ? r : 0;
}

/* The row of table batch: 1 and its time and what its files add up to; 0: there is none; or a failure. */
static int read_batch(const struct sl_catalog_sources *job, int64_t number, bool committed,
                      int64_t *ret_time_ms, struct sl_row_sum *ret)
{
    const struct sl_catalog *catalog = job->catalog;
    sqlite3_stmt *get = catalog->sql[SL_SQL_GET_BATCH];
    sl_statement_integer(get, 1, number);
    int r = sl_catalog_step(catalog, SL_SQL_GET_BATCH, job->err);
    if (r <= 0)
        return r;
    *ret_time_ms = sqlite3_column_int64(get, 0);
    *ret = (struct sl_row_sum){sqlite3_column_int64(get, 2), sqlite3_column_int64(get, 3)};
    bool sound = sqlite3_column_int64(get, 4) ==
                 sl_row_batch(catalog->hash, number, *ret_time_ms, committed, ret->count, ret->digest);
    (void)sqlite3_reset(get); /* there was a row: no failure to repeat */
    return sound ? 1 : sl_catalog_damaged(catalog, job->err, "table batch, row %" PRId64, number);
}

static int read_plan_files(const struct sl_catalog_sources *job, const struct sl_row_sum *expected,
                           struct sl_batch_plan *plan)
{
    const struct sl_catalog *catalog = job->catalog;
    struct sl_row_sum found = {0};
    int r = read_files(job, (int64_t)plan->number, &found, plan->files);
    r = r < 0 ? r : sl_catalog_read_ranges(job, plan, &found.digest);
    r = r < 0 ? r : sl_catalog_read_watermarks(job, plan, &found.digest);
    if (r == 0 && (found.count != expected->count || found.digest != expected->digest))
        r = sl_catalog_damaged(catalog, job->err,
                               "table %s, rows of batch %" PRId64 " are missing or doubled",
                               found.count != expected->count ? "file" : "input_range", plan->batch_ms);
    return r < 0 ? r : sl_catalog_read_quarantined(job, plan);
}

/* 1: *ret is the plan of this batch; 0: the catalog does not know it; or a failure. */
static int read_plan(const struct sl_catalog_sources *job, int64_t number, bool committed,
                     struct sl_batch_plan *ret)
{
    struct sl_row_sum expected;
    struct sl_batch_plan plan = {.number = (uint64_t)number, .sources = job->count};
    int r = read_batch(job, number, committed, &plan.batch_ms, &expected);
    if (r <= 0)
        return r;
    plan.files = calloc(job->count + 1, sizeof *plan.files); /* + 1: never of size 0 */
    plan.range = calloc(job->count + 1, sizeof *plan.range);
    r = plan.files && plan.range ? read_plan_files(job, &expected, &plan) : sl_error_nomem(job->err);
    if (r < 0) {
        sl_batch_plan_done(&plan);
        return r;
    }
    *ret = plan;
    return 1;
}

static int read_planned(const struct sl_catalog_sources *job, struct sl_batch_plan *ret)
{
    int64_t number = job->catalog->progress.planned;
    int r = number < 0 ? 1 : read_plan(job, number, false, ret);
    if (r == 0)
        r = sl_catalog_damaged(job->catalog, job->err, "table batch, row %" PRId64 " is missing", number);
    return r < 0 ? r : 0;
}

/* What is to be done with its files may not be done yet. */
static int read_last(const struct sl_catalog_sources *job, struct sl_batch_plan *ret)
{
    int64_t batches = job->catalog->progress.batches;
    int r = batches && job->wants->last ? read_plan(job, batches - 1, true, ret) : 0;
    return r < 0 ? r : 0;
}

/* ---- the job of the plan ---- */

static int read_plan_job(const struct sl_catalog_sources *job)
{
    struct sl_catalog *catalog = job->catalog;
    sqlite3_stmt *get = catalog->sql[SL_SQL_GET_PLAN_JOB];
    int r = sl_catalog_step(catalog, SL_SQL_GET_PLAN_JOB, job->err);
    if (r <= 0)
        return r;
    const char *text = (const char *)sqlite3_column_text(get, 0);
    text = text ? text : "";
    bool is_sound = sqlite3_column_int64(get, 1) == sl_row_plan_job(catalog->hash, text);
    free(catalog->plan_job);
    catalog->plan_job = strdup(text);
    (void)sqlite3_reset(get); /* there was a row: no failure to repeat */
    if (!is_sound)
        return sl_catalog_damaged(catalog, job->err, "table plan_job, row 1");
    return catalog->plan_job ? 0 : sl_error_nomem(job->err);
}

static int read_spoilt(const struct sl_catalog_sources *job)
{
    struct sl_catalog *catalog = job->catalog;
    sqlite3_stmt *get = catalog->sql[SL_SQL_GET_SPOILT];
    int r = sl_catalog_step(catalog, SL_SQL_GET_SPOILT, job->err);
    catalog->spoilt = r > 0 ? sqlite3_column_int64(get, 0) : 0;
    if (r > 0 && catalog->spoilt < 0)
        r = sl_catalog_damaged(catalog, job->err, "table spoilt, row 1");
    (void)sqlite3_reset(get); /* a failure was reported already */
    return r < 0 ? r : 0;
}

static int read_undecided(const struct sl_catalog_sources *job, bool *undecided)
{
    const struct sl_catalog *catalog = job->catalog;
    sqlite3_stmt *get = catalog->sql[SL_SQL_GET_UNDECIDED];
    int r;
    while ((r = sl_catalog_step(catalog, SL_SQL_GET_UNDECIDED, job->err)) > 0) {
        size_t index = sl_catalog_sources_index(job, sqlite3_column_int64(get, 0));
        if (index < job->count)
            undecided[index] = true;
    }
    (void)sqlite3_reset(get); /* a failure was reported already */
    return r;
}

/* ---- load ---- */

/* On failure what was read stays in `ret` for sl_progress_done. */
static int load(struct sl_catalog_sources *job, struct sl_progress *ret)
{
    ret->sources = job->count;
    ret->reached = calloc(job->count + 1, sizeof *ret->reached); /* + 1: never of size 0 */
    ret->undecided = calloc(job->count + 1, sizeof *ret->undecided);
    if (!ret->reached || !ret->undecided)
        return sl_error_nomem(job->err);
    int r = read_progress(job);
    r = r < 0 ? r : check_seal(job);
    r = r < 0 ? r : sl_catalog_sources_load(job);
    r = r < 0 ? r : read_undecided(job, ret->undecided);
    r = r < 0 ? r : sl_catalog_read_taken(job);
    r = r < 0 ? r : read_plan_job(job);
    r = r < 0 ? r : read_spoilt(job);
    r = r < 0 ? r : read_planned(job, &ret->plan);
    r = r < 0 ? r : read_last(job, &ret->last);
    return r < 0 ? r : sl_catalog_read_reached(job, ret);
}

/* Without its segments all state would look as if there were none. */
static int copy_texts(const struct sl_catalog *catalog, struct sl_progress *progress, struct sl_error *err)
{
    progress->segments = strdup(catalog->segments ? catalog->segments : "");
    progress->job = catalog->plan_job ? strdup(catalog->plan_job) : NULL;
    return progress->segments && (progress->job || !catalog->plan_job) ? 0 : sl_error_nomem(err);
}

int sl_catalog_load(struct sl_catalog *catalog, size_t sources, const char *const *source_key,
                    const struct sl_catalog_wants *wants, struct sl_progress *ret_progress,
                    struct sl_error *err)
{
    struct sl_catalog_sources job = {
        .catalog = catalog, .count = sources, .key = source_key, .wants = wants, .err = err};
    struct sl_progress progress = {0};
    int r = load(&job, &progress);
    sl_catalog_sources_done(&job);
    r = r < 0 ? r : copy_texts(catalog, &progress, err);
    if (r < 0) {
        sl_progress_done(&progress);
        return r;
    }
    progress.any = catalog->progress.batches > 0;
    progress.last_ms = catalog->progress.last_ms;
    progress.batches = (uint64_t)catalog->progress.batches;
    progress.spoilt = (uint64_t)catalog->spoilt;
    progress.planned = catalog->progress.planned >= 0;
    *ret_progress = progress;
    return 0;
}
