/* Files of a batch that are not read: written when that is found out, before the batch shows anything, so
 * that a batch that is redone leaves out the same. */
#include "state/catalog/rows.h"
#include "state/catalog/sources.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int sl_batch_plan_add_quarantined(struct sl_batch_plan *plan, size_t source, size_t file, const char *reason)
{
    if (plan->asides == plan->asides_capacity) {
        size_t capacity = plan->asides_capacity ? plan->asides_capacity * 2 : 4;
        struct sl_quarantined *grown = realloc(plan->aside, capacity * sizeof *grown);
        if (!grown)
            return SL_ENOMEM;
        plan->aside = grown;
        plan->asides_capacity = capacity;
    }
    char *copy = strdup(reason);
    if (!copy)
        return SL_ENOMEM;
    plan->aside[plan->asides++] = (struct sl_quarantined){source, file, copy};
    return 0;
}

/* ---- writing ---- */

static int put_aside(const struct sl_catalog *catalog, const struct sl_batch_plan *plan,
                     const struct sl_quarantined *aside, struct sl_error *err)
{
    sqlite3_stmt *put = catalog->sql[SL_SQL_PUT_ASIDE];
    int64_t number = (int64_t)plan->number, source = catalog->source_id[aside->source];
    int64_t position = (int64_t)aside->file;
    sl_statement_integer(put, 1, number);
    sl_statement_integer(put, 2, source);
    sl_statement_integer(put, 3, position);
    sl_statement_text(put, 4, aside->reason);
    sl_statement_integer(put, 5, sl_row_aside(catalog->hash, number, source, position, aside->reason));
    return sl_catalog_step(catalog, SL_SQL_PUT_ASIDE, err);
}

int sl_catalog_set_aside(struct sl_catalog *catalog, const struct sl_batch_plan *plan, size_t first,
                         struct sl_error *err)
{
    sl_assert(catalog->progress.planned == (int64_t)plan->number);
    struct sl_catalog_progress progress = catalog->progress;
    int r = sl_catalog_begin(catalog, err);
    for (size_t i = first; r == 0 && i < plan->asides; i++)
        r = put_aside(catalog, plan, &plan->aside[i], err);
    r = r < 0 ? r : sl_catalog_end(catalog, &progress, err);
    if (r < 0) {
        sl_catalog_abort(catalog);
        return sl_error_wrap(err, "setting files of batch %" PRId64 " aside", plan->batch_ms);
    }
    return 0;
}

/* ---- reading ---- */

static int read_aside(const struct sl_catalog_sources *job, struct sl_batch_plan *plan)
{
    const struct sl_catalog *catalog = job->catalog;
    sqlite3_stmt *get = catalog->sql[SL_SQL_GET_ASIDE];
    int64_t number = (int64_t)plan->number, source = sqlite3_column_int64(get, 0);
    int64_t position = sqlite3_column_int64(get, 1);
    const char *reason = (const char *)sqlite3_column_text(get, 2);
    if (!reason)
        return sl_error_nomem(job->err);
    size_t index = sl_catalog_sources_index(job, source);
    bool is_sound =
        sqlite3_column_int64(get, 3) == sl_row_aside(catalog->hash, number, source, position, reason) &&
        (index >= catalog->sources || (uint64_t)position < plan->files[index].count);
    if (!is_sound)
        return sl_catalog_damaged(catalog, job->err, "table aside, row of batch %" PRId64, plan->batch_ms);
    if (index >= catalog->sources) /* the job has it no more */
        return 0;
    return sl_batch_plan_add_quarantined(plan, index, (size_t)position, reason) < 0 ? sl_error_nomem(job->err)
                                                                                    : 0;
}

int sl_catalog_read_aside(const struct sl_catalog_sources *job, struct sl_batch_plan *plan)
{
    sqlite3_stmt *get = job->catalog->sql[SL_SQL_GET_ASIDE];
    int r;
    sl_statement_integer(get, 1, (int64_t)plan->number);
    while ((r = sl_catalog_step(job->catalog, SL_SQL_GET_ASIDE, job->err)) > 0)
        if ((r = read_aside(job, plan)) < 0)
            break;
    (void)sqlite3_reset(get); /* a failure was told already */
    return r < 0 ? r : 0;
}
