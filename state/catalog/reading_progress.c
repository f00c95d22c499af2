/* What another process reads of a run in the catalog: its newest batches, its progress, its segments. */
#include "state/catalog/reading_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- batches ---- */

struct batch_visit {
    sl_reading_visit_batch *visit;
    void *arg;
};

static int read_batch(const struct sl_reading_query *query, sqlite3_stmt *row)
{
    const struct batch_visit *visit = query->arg;
    struct sl_reading_batch batch = {
        .time_ms = sqlite3_column_int64(row, 0),
        .committed = sqlite3_column_int64(row, 1) != 0,
        .files = (uint64_t)sqlite3_column_int64(row, 2),
        .rejected = (uint64_t)sqlite3_column_int64(row, 3),
        .started_ms = sqlite3_column_int64(row, 4),
        .finished_ms = sqlite3_column_int64(row, 5),
        .output_records = (uint64_t)sqlite3_column_int64(row, 6),
    };
    return visit->visit(visit->arg, &batch);
}

int sl_reading_batches(struct sl_reading *reading, size_t batches_max, sl_reading_visit_batch *visit,
                       void *arg, struct sl_error *err)
{
    struct batch_visit each = {visit, arg};
    struct sl_reading_query query = {
        .sql = "SELECT time_ms, committed, files, rejected, started_ms, finished_ms,"
               " (SELECT sum(records) FROM output WHERE output.batch = batch.number)"
               " FROM batch ORDER BY number DESC LIMIT :limit",
        .limit = (int64_t)batches_max,
        .row = read_batch,
        .arg = &each,
    };
    return sl_reading_run(reading, &query, err);
}

/* ---- progress ---- */

static int read_progress(const struct sl_reading_query *query, sqlite3_stmt *row)
{
    struct sl_reading_progress *ret = query->arg;
    *ret = (struct sl_reading_progress){
        .batches = (uint64_t)sqlite3_column_int64(row, 0),
        .any = sqlite3_column_int64(row, 0) > 0,
        .last_ms = sqlite3_column_int64(row, 1),
        .planned = sqlite3_column_type(row, 2) == SQLITE_INTEGER,
        .planned_ms = sqlite3_column_int64(row, 2),
        .started_ms = sqlite3_column_int64(row, 3),
        .finished_ms = sqlite3_column_int64(row, 4),
        .known = (uint64_t)sqlite3_column_int64(row, 5),
        .files = (uint64_t)sqlite3_column_int64(row, 6),
        .rejected = (uint64_t)sqlite3_column_int64(row, 7),
        .quarantined = (uint64_t)sqlite3_column_int64(row, 8),
        .owed = (uint64_t)sqlite3_column_int64(row, 9),
    };
    return 0;
}

int sl_reading_progress(struct sl_reading *reading, struct sl_reading_progress *ret, struct sl_error *err)
{
    struct sl_reading_query query = {
        .sql =
            "SELECT progress.batches, progress.last_ms,"
            " (SELECT time_ms FROM batch WHERE number = progress.planned),"
            " (SELECT started_ms FROM batch WHERE time_ms = progress.last_ms),"
            " (SELECT finished_ms FROM batch WHERE time_ms = progress.last_ms),"
            " (SELECT count(*) FROM batch WHERE committed = 1),"
            " (SELECT sum(files) FROM batch WHERE committed = 1),"
            " (SELECT sum(rejected) FROM batch WHERE committed = 1),"
            " (SELECT count(*) FROM quarantine) +"
            " (SELECT count(*) FROM quarantined JOIN batch ON batch.number = quarantined.batch WHERE committed = 0),"
            " (SELECT count(*) FROM owed) FROM progress WHERE id = 1",
        .row = read_progress,
        .arg = ret,
    };
    *ret = (struct sl_reading_progress){0};
    return sl_reading_run(reading, &query, err);
}

static int read_segments(const struct sl_reading_query *query, sqlite3_stmt *row)
{
    char **ret = query->arg;
    *ret = strdup(sl_reading_text(row, 0));
    return *ret ? 0 : SL_ENOMEM;
}

int sl_reading_segments(struct sl_reading *reading, char **ret, struct sl_error *err)
{
    char *list = NULL;
    struct sl_reading_query query = {
        .sql = "SELECT segments FROM progress WHERE id = 1", .row = read_segments, .arg = &list};
    int r = sl_reading_run(reading, &query, err);
    if (r == 0 && !list)
        list = strdup("");
    if (r == SL_ENOMEM || (r == 0 && !list))
        return sl_error_nomem(err);
    if (r == 0)
        *ret = list;
    return r;
}
