/* What a batch writes: its plan in one transaction, and in another that it is done. */
#include "state/catalog/catalog_internal.h"
#include "state/catalog/counters.h"
#include "state/catalog/rows.h"
#include "state/catalog/take.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- plan ---- */

enum { FILE_COLUMNS = 9 };

static void bind_file(const struct sl_catalog *catalog, sqlite3_stmt *put, int first,
                      const struct sl_batch_plan *plan, size_t source, size_t position, int64_t *digest)
{
    const struct sl_file *file = &plan->files[source].file[position];
    int64_t id = catalog->source_id[source];
    int64_t checksum = sl_row_file(catalog->hash, (int64_t)plan->number, id, (int64_t)position, file);
    sl_statement_integer(put, first, (int64_t)plan->number);
    sl_statement_integer(put, first + 1, id);
    sl_statement_integer(put, first + 2, (int64_t)position);
    sl_statement_integer(put, first + 3, checksum);
    sl_catalog_bind_file(put, first + 4, file);
    *digest = sl_digest_add(*digest, checksum);
}

/* Those from this one on that one statement puts; *ret: how many. */
static int put_some_files(const struct sl_catalog *catalog, const struct sl_batch_plan *plan, size_t source,
                          size_t position, size_t *ret, int64_t *digest, struct sl_error *err)
{
    bool is_one = plan->files[source].count - position < SL_SQL_ROWS;
    enum sl_statement which = is_one ? SL_SQL_PUT_FILE : SL_SQL_PUT_FILES;
    *ret = is_one ? 1 : SL_SQL_ROWS;
    for (size_t i = 0; i < *ret; i++)
        bind_file(catalog, catalog->sql[which], (int)i * FILE_COLUMNS + 1, plan, source, position + i,
                  digest);
    return sl_catalog_step(catalog, which, err);
}

/* *ret_digest: the sum of the files' checksums. */
static int put_files(const struct sl_catalog *catalog, const struct sl_batch_plan *plan, int64_t *ret_count,
                     int64_t *ret_digest, struct sl_error *err)
{
    *ret_count = *ret_digest = 0;
    for (size_t s = 0; s < plan->sources; s++)
        for (size_t i = 0, some; i < plan->files[s].count; i += some) {
            int r = put_some_files(catalog, plan, s, i, &some, ret_digest, err);
            if (r < 0)
                return r;
            *ret_count += (int64_t)some;
        }
    return 0;
}

static int put_batch(const struct sl_catalog *catalog, const struct sl_batch_plan *plan, int64_t count,
                     int64_t digest, struct sl_error *err)
{
    sqlite3_stmt *put = catalog->sql[SL_SQL_PUT_BATCH];
    int64_t number = (int64_t)plan->number;
    sl_statement_integer(put, 1, number);
    sl_statement_integer(put, 2, plan->batch_ms);
    sl_statement_integer(put, 3, count);
    sl_statement_integer(put, 4, digest);
    sl_statement_integer(put, 5, sl_row_batch(catalog->hash, number, plan->batch_ms, 0, count, digest));
    return sl_catalog_step(catalog, SL_SQL_PUT_BATCH, err);
}

/* Written when it changes: a batch pays for it once. */
static int put_job(const struct sl_catalog *catalog, const char *job, struct sl_error *err)
{
    sqlite3_stmt *put = catalog->sql[SL_SQL_PUT_PLAN_JOB];
    if (!job || (catalog->plan_job && strcmp(catalog->plan_job, job) == 0))
        return 0;
    sl_statement_text(put, 1, job);
    sl_statement_integer(put, 2, sl_row_plan_job(catalog->hash, job));
    return sl_catalog_step(catalog, SL_SQL_PUT_PLAN_JOB, err);
}

static void note_job(struct sl_catalog *catalog, const char *job)
{
    if (!job || (catalog->plan_job && strcmp(catalog->plan_job, job) == 0))
        return;
    free(catalog->plan_job);
    catalog->plan_job = strdup(job); /* NULL: it is written once more */
}

static int write_plan(struct sl_catalog *catalog, const struct sl_batch_plan *plan, struct sl_error *err)
{
    struct sl_catalog_progress progress = catalog->progress;
    int64_t count, digest;
    int r = put_files(catalog, plan, &count, &digest, err);
    r = r < 0 ? r : sl_catalog_put_ranges(catalog, plan, &digest, err);
    r = r < 0 ? r : sl_catalog_put_watermarks(catalog, plan, &digest, err);
    r = r < 0 ? r : put_batch(catalog, plan, count, digest, err);
    r = r < 0 ? r : put_job(catalog, plan->job, err);
    progress.planned = (int64_t)plan->number;
    return r < 0 ? r : sl_catalog_end(catalog, &progress, err);
}

int sl_catalog_plan(struct sl_catalog *catalog, const struct sl_batch_plan *plan, struct sl_error *err)
{
    sl_assert(plan->sources == catalog->sources);
    sl_assert(catalog->progress.planned < 0);
    sl_assert(catalog->progress.batches == 0 || plan->batch_ms > catalog->progress.last_ms);
    int r = sl_catalog_begin(catalog, err);
    r = r < 0 ? r : write_plan(catalog, plan, err);
    if (r < 0) {
        sl_catalog_abort(catalog);
        return sl_error_wrap(err, "planning batch %" PRId64, plan->batch_ms);
    }
    note_job(catalog, plan->job);
    return 0;
}

/* What write_plan has written of the batch. */
static int remove_plan(const struct sl_catalog *catalog, uint64_t number, struct sl_error *err)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "DELETE FROM file WHERE batch = %1$" PRIu64 ";"
             "DELETE FROM input_range WHERE batch = %1$" PRIu64 ";"
             "DELETE FROM watermark WHERE batch = %1$" PRIu64 ";"
             "DELETE FROM batch WHERE number = %1$" PRIu64,
             number);
    return sl_database_exec(&catalog->database, sql, err);
}

int sl_catalog_plan_again(struct sl_catalog *catalog, const struct sl_batch_plan *plan, struct sl_error *err)
{
    sl_assert(catalog->progress.planned == (int64_t)plan->number);
    int r = sl_catalog_begin(catalog, err);
    r = r < 0 ? r : remove_plan(catalog, plan->number, err);
    r = r < 0 ? r : write_plan(catalog, plan, err);
    if (r < 0) {
        sl_catalog_abort(catalog);
        return sl_error_wrap(err, "planning batch %" PRId64 " again", plan->batch_ms);
    }
    return 0;
}

/* ---- commit: the taken files ---- */

static int write_taken(const struct sl_catalog *catalog, struct sl_catalog_progress *progress,
                       const struct sl_committed *batch, struct sl_error *err)
{
    int r = 0;
    for (size_t s = 0; r == 0 && s < catalog->sources; s++)
        r = sl_catalog_take_all(catalog, progress, catalog->source_id[s], &batch->plan->files[s], err);
    return r < 0 || !batch->gone ? r : sl_catalog_forget_all(catalog, progress, batch->gone, err);
}

int sl_catalog_forget(struct sl_catalog *catalog, const struct sl_files *gone, struct sl_error *err)
{
    struct sl_catalog_progress progress = catalog->progress;
    size_t count = 0;
    for (size_t s = 0; s < catalog->sources; s++)
        count += gone[s].count;
    if (!count)
        return 0;
    int r = sl_catalog_begin(catalog, err);
    r = r < 0 ? r : sl_catalog_forget_all(catalog, &progress, gone, err);
    r = r < 0 ? r : sl_catalog_end(catalog, &progress, err);
    if (r < 0) {
        sl_catalog_abort(catalog);
        return sl_error_wrap(err, "forgetting files that are gone");
    }
    return 0;
}

/* ---- what was there before the first start ---- */

static int write_decision(struct sl_catalog *catalog, const struct sl_files *old, struct sl_error *err)
{
    struct sl_catalog_progress progress = catalog->progress;
    int r = 0;
    for (size_t s = 0; r == 0 && s < catalog->sources; s++) {
        sl_statement_integer(catalog->sql[SL_SQL_DROP_UNDECIDED], 1, catalog->source_id[s]);
        r = sl_catalog_step(catalog, SL_SQL_DROP_UNDECIDED, err);
        for (size_t i = 0; r == 0 && i < old[s].count; i++)
            r = sl_catalog_take(catalog, &progress, catalog->source_id[s], &old[s].file[i], true, err);
    }
    return r < 0 ? r : sl_catalog_end(catalog, &progress, err);
}

int sl_catalog_decide(struct sl_catalog *catalog, const struct sl_files *old, struct sl_error *err)
{
    int r = sl_catalog_begin(catalog, err);
    r = r < 0 ? r : write_decision(catalog, old, err);
    if (r < 0) {
        sl_catalog_abort(catalog);
        return sl_error_wrap(err, "remembering which files were there before");
    }
    return 0;
}

/* ---- commit: outputs and errors ---- */

static int put_output_file(const struct sl_catalog *catalog, int64_t number, int64_t output, const char *path,
                           const struct sl_manifest_file *file, struct sl_error *err)
{
    sqlite3_stmt *put = catalog->sql[SL_SQL_PUT_OUTPUT_FILE];
    sl_statement_integer(put, 1, number);
    sl_statement_integer(put, 2, output);
    sl_statement_text(put, 3, file->name);
    sl_statement_integer(put, 4, (int64_t)file->bytes);
    sl_statement_integer(put, 5, (int64_t)file->hash);
    sl_statement_integer(
        put, 6, sl_row_output_file(catalog->hash, number, output, path, file->name, file->bytes, file->hash));
    return sl_catalog_step(catalog, SL_SQL_PUT_OUTPUT_FILE, err);
}

static int put_output_source(const struct sl_catalog *catalog, int64_t number, int64_t output,
                             const struct sl_manifest_input *input, struct sl_error *err)
{
    sqlite3_stmt *put = catalog->sql[SL_SQL_PUT_OUTPUT_SOURCE];
    sl_statement_integer(put, 1, number);
    sl_statement_integer(put, 2, output);
    sl_statement_integer(put, 3, catalog->source_id[input->source]);
    sl_statement_integer(put, 4, input->from_ms);
    return sl_catalog_step(catalog, SL_SQL_PUT_OUTPUT_SOURCE, err);
}

static int put_output(const struct sl_catalog *catalog, const struct sl_batch_plan *plan, int64_t output,
                      const struct sl_manifest *manifest, struct sl_error *err)
{
    sqlite3_stmt *put = catalog->sql[SL_SQL_PUT_OUTPUT];
    int64_t number = (int64_t)plan->number;
    sl_statement_integer(put, 1, number);
    sl_statement_integer(put, 2, output);
    sl_statement_integer(put, 3, plan->batch_ms);
    sl_statement_text(put, 4, manifest->path);
    sl_statement_integer(put, 5, (int64_t)manifest->records);
    sl_statement_integer(put, 6, manifest->retained);
    sl_statement_text(put, 7, manifest->series);
    int r = sl_catalog_step(catalog, SL_SQL_PUT_OUTPUT, err);
    for (size_t i = 0; r == 0 && i < manifest->count; i++)
        r = put_output_file(catalog, number, output, manifest->path, &manifest->file[i], err);
    for (size_t i = 0; r == 0 && i < manifest->inputs; i++)
        r = put_output_source(catalog, number, output, &manifest->input[i], err);
    return r;
}

/* Records that were set aside, or late: how many, and where they are. */
static int put_records(const struct sl_catalog *catalog, const struct sl_batch_plan *plan, int64_t position,
                       const char *kind, uint64_t count, const char *directory, struct sl_error *err)
{
    sqlite3_stmt *put = catalog->sql[SL_SQL_PUT_ERROR];
    char message[64];
    if (count == 0)
        return 0;
    snprintf(message, sizeof message, "see %s/%" PRId64 ".jsonl", directory, plan->batch_ms);
    sl_statement_integer(put, 1, (int64_t)plan->number);
    sl_statement_integer(put, 2, position);
    sl_statement_text(put, 3, kind);
    sl_statement_text(put, 4, NULL);
    sl_statement_integer(put, 5, (int64_t)count);
    sl_statement_text(put, 6, message);
    return sl_catalog_step(catalog, SL_SQL_PUT_ERROR, err);
}

/* ---- commit ---- */

/* The planned row must still be what was planned. */
static int check_planned(const struct sl_catalog *catalog, const struct sl_batch_plan *plan,
                         int64_t *ret_files, int64_t *ret_digest, struct sl_error *err)
{
    sqlite3_stmt *get = catalog->sql[SL_SQL_GET_BATCH];
    int64_t number = (int64_t)plan->number;
    sl_statement_integer(get, 1, number);
    int r = sl_catalog_step(catalog, SL_SQL_GET_BATCH, err);
    if (r < 0)
        return r;
    if (r == 0)
        return sl_catalog_damaged(catalog, err, "table batch, row %" PRId64 " is missing", number);
    *ret_files = sqlite3_column_int64(get, 2);
    *ret_digest = sqlite3_column_int64(get, 3);
    bool sound = sqlite3_column_int64(get, 4) ==
                 sl_row_batch(catalog->hash, number, plan->batch_ms, 0, *ret_files, *ret_digest);
    (void)sqlite3_reset(get); /* there was a row: no failure to repeat */
    return sound ? 0 : sl_catalog_damaged(catalog, err, "table batch, row %" PRId64, number);
}

static int commit_batch(const struct sl_catalog *catalog, const struct sl_committed *batch,
                        struct sl_error *err)
{
    sqlite3_stmt *update = catalog->sql[SL_SQL_COMMIT_BATCH];
    const struct sl_batch_plan *plan = batch->plan;
    int64_t number = (int64_t)plan->number, files, digest;
    int r = check_planned(catalog, plan, &files, &digest, err);
    if (r < 0)
        return r;
    sl_statement_integer(update, 1, number);
    sl_statement_integer(update, 2, sl_row_batch(catalog->hash, number, plan->batch_ms, 1, files, digest));
    sl_statement_integer(update, 3, (int64_t)batch->rejected);
    sl_statement_integer(update, 4, batch->started_ms);
    sl_statement_integer(update, 5, batch->finished_ms);
    return sl_catalog_step(catalog, SL_SQL_COMMIT_BATCH, err);
}

/* Ends the transaction with another list of segments, NULL: the one it has. */
static int end_with_segments(struct sl_catalog *catalog, const struct sl_catalog_progress *progress,
                             const char *segments, struct sl_error *err)
{
    char *before = catalog->segments, *after = segments ? strdup(segments) : NULL;
    if (segments && !after)
        return sl_error_nomem(err);
    catalog->segments = after ? after : before;
    int r = sl_catalog_end(catalog, progress, err);
    if (r < 0)
        catalog->segments = before;
    if (after)
        free(r < 0 ? after : before);
    return r;
}

/* Nearly always 0 and 0. */
static int put_spoilt(const struct sl_catalog *catalog, int64_t spoilt, struct sl_error *err)
{
    if (spoilt == catalog->spoilt)
        return 0;
    sl_statement_integer(catalog->sql[SL_SQL_PUT_SPOILT], 1, spoilt);
    return sl_catalog_step(catalog, SL_SQL_PUT_SPOILT, err);
}

static int write_commit(struct sl_catalog *catalog, const struct sl_committed *batch, struct sl_error *err)
{
    struct sl_catalog_progress progress = catalog->progress;
    int r = commit_batch(catalog, batch, err);
    r = r < 0 ? r : write_taken(catalog, &progress, batch, err);
    r = r < 0 ? r : sl_catalog_update_quarantine(catalog, batch->plan, err);
    r = r < 0 ? r : sl_catalog_put_reached(catalog, batch->plan, err);
    for (size_t i = 0; r == 0 && i < batch->manifests; i++)
        if (batch->manifest[i].path) /* this output made nothing */
            r = put_output(catalog, batch->plan, (int64_t)i, &batch->manifest[i], err);
    r = r < 0 ? r : put_records(catalog, batch->plan, 0, "records", batch->rejected, "deadletter", err);
    r = r < 0 ? r : put_records(catalog, batch->plan, 1, "late", batch->late, "late", err);
    r = r < 0 ? r : put_spoilt(catalog, (int64_t)batch->spoilt, err);
    r = r < 0 ? r : sl_catalog_put_codes(catalog, batch->codes, err);
    r = r < 0 ? r : sl_catalog_put_counters(catalog, batch->counted, batch->counters, err);
    r = r < 0 ? r : sl_catalog_drop_old(catalog, batch->history_from_ms, err);
    progress.planned = -1;
    progress.batches++;
    progress.last_ms = batch->plan->batch_ms;
    return r < 0 ? r : end_with_segments(catalog, &progress, batch->segments, err);
}

int sl_catalog_commit(struct sl_catalog *catalog, const struct sl_committed *batch, struct sl_error *err)
{
    sl_assert(batch->plan->sources == catalog->sources);
    sl_assert(catalog->progress.planned == (int64_t)batch->plan->number);
    int r = sl_catalog_begin(catalog, err);
    r = r < 0 ? r : write_commit(catalog, batch, err);
    if (r < 0) {
        sl_catalog_abort(catalog);
        return sl_error_wrap(err, "committing batch %" PRId64, batch->plan->batch_ms);
    }
    catalog->spoilt = (int64_t)batch->spoilt;
    return 0;
}
