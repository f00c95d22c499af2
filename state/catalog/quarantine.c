/* Files of a batch that are not read: written when that is found out, before the batch shows anything, so
 * that a batch that is redone leaves out the same. */
#include "core/base/array.h"
#include "state/catalog/rows.h"
#include "state/catalog/sources.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int sl_batch_plan_add_quarantined(struct sl_batch_plan *plan, size_t source, size_t file, const char *reason)
{
    struct sl_quarantined *grown =
        sl_array_grow(plan->quarantined, plan->quarantined_count, &plan->quarantined_capacity, sizeof *grown);
    if (!grown)
        return SL_ENOMEM;
    plan->quarantined = grown;
    char *copy = strdup(reason);
    if (!copy)
        return SL_ENOMEM;
    plan->quarantined[plan->quarantined_count++] = (struct sl_quarantined){source, file, copy};
    return 0;
}

int sl_batch_plan_leave_out(struct sl_batch_plan *plan, size_t source, const bool *out)
{
    struct sl_files *files = &plan->files[source];
    size_t *position = calloc(files->count + 1, sizeof *position), kept = 0; /* + 1: never of size 0 */
    if (!position)
        return SL_ENOMEM;
    for (size_t f = 0; f < files->count; f++) {
        position[f] = kept;
        if (out[f])
            free(files->file[f].path);
        else
            files->file[kept++] = files->file[f];
    }
    files->count = kept;
    kept = 0;
    for (size_t i = 0; i < plan->quarantined_count; i++) {
        struct sl_quarantined quarantined = plan->quarantined[i];
        bool is_ours = quarantined.source == source;
        if (is_ours && out[quarantined.file]) {
            free(quarantined.reason);
            continue;
        }
        quarantined.file = is_ours ? position[quarantined.file] : quarantined.file;
        plan->quarantined[kept++] = quarantined;
    }
    plan->quarantined_count = kept;
    free(position);
    return 0;
}

/* ---- writing ---- */

static int put_unread(const struct sl_catalog *catalog, const struct sl_batch_plan *plan,
                      const struct sl_quarantined *quarantined, struct sl_error *err)
{
    sqlite3_stmt *put = catalog->sql[SL_SQL_PUT_QUARANTINED];
    int64_t number = (int64_t)plan->number, source = catalog->source_id[quarantined->source];
    int64_t position = (int64_t)quarantined->file;
    sl_statement_integer(put, 1, number);
    sl_statement_integer(put, 2, source);
    sl_statement_integer(put, 3, position);
    sl_statement_text(put, 4, quarantined->reason);
    sl_statement_integer(put, 5,
                         sl_row_quarantined(catalog->hash, number, source, position, quarantined->reason));
    return sl_catalog_step(catalog, SL_SQL_PUT_QUARANTINED, err);
}

int sl_catalog_quarantine(struct sl_catalog *catalog, const struct sl_batch_plan *plan, size_t first,
                          struct sl_error *err)
{
    sl_assert(catalog->progress.planned == (int64_t)plan->number);
    struct sl_catalog_progress progress = catalog->progress;
    int r = sl_catalog_begin(catalog, err);
    for (size_t i = first; r == 0 && i < plan->quarantined_count; i++)
        r = put_unread(catalog, plan, &plan->quarantined[i], err);
    r = r < 0 ? r : sl_catalog_end(catalog, &progress, err);
    if (r < 0) {
        sl_catalog_abort(catalog);
        return sl_error_wrap(err, "quarantining files of batch %" PRId64, plan->batch_ms);
    }
    return 0;
}

/* ---- reading ---- */

static int read_unread(const struct sl_catalog_sources *job, struct sl_batch_plan *plan)
{
    const struct sl_catalog *catalog = job->catalog;
    sqlite3_stmt *get = catalog->sql[SL_SQL_GET_QUARANTINED];
    int64_t number = (int64_t)plan->number, source = sqlite3_column_int64(get, 0);
    int64_t position = sqlite3_column_int64(get, 1);
    const char *reason = (const char *)sqlite3_column_text(get, 2);
    if (!reason)
        return sl_error_nomem(job->err);
    size_t index = sl_catalog_sources_index(job, source);
    bool is_sound =
        sqlite3_column_int64(get, 3) == sl_row_quarantined(catalog->hash, number, source, position, reason) &&
        (index >= catalog->sources || (uint64_t)position < plan->files[index].count);
    if (!is_sound)
        return sl_catalog_damaged(catalog, job->err, "table quarantined, row of batch %" PRId64,
                                  plan->batch_ms);
    if (index >= catalog->sources) /* the job has it no more */
        return 0;
    return sl_batch_plan_add_quarantined(plan, index, (size_t)position, reason) < 0 ? sl_error_nomem(job->err)
                                                                                    : 0;
}

int sl_catalog_read_quarantined(const struct sl_catalog_sources *job, struct sl_batch_plan *plan)
{
    sqlite3_stmt *get = job->catalog->sql[SL_SQL_GET_QUARANTINED];
    int r;
    sl_statement_integer(get, 1, (int64_t)plan->number);
    while ((r = sl_catalog_step(job->catalog, SL_SQL_GET_QUARANTINED, job->err)) > 0)
        if ((r = read_unread(job, plan)) < 0)
            break;
    (void)sqlite3_reset(get); /* the first failure is the one reported */
    return r < 0 ? r : 0;
}

/* ---- the quarantine ---- */

static int put_quarantined(const struct sl_catalog *catalog, const struct sl_batch_plan *plan,
                           const struct sl_quarantined *quarantined, struct sl_error *err)
{
    sqlite3_stmt *put = catalog->sql[SL_SQL_PUT_QUARANTINE];
    const struct sl_file *file = &plan->files[quarantined->source].file[quarantined->file];
    if (!strchr(file->path, '/')) /* dead letters stay among dead letters */
        return 0;
    sl_statement_integer(put, 1, catalog->source_id[quarantined->source]);
    sl_statement_integer(put, 2, plan->batch_ms);
    sl_statement_text(put, 3, quarantined->reason);
    sl_catalog_bind_file(put, 4, file);
    return sl_catalog_step(catalog, SL_SQL_PUT_QUARANTINE, err);
}

static int drop_quarantined(const struct sl_catalog *catalog, int64_t source, const char *path,
                            struct sl_error *err)
{
    sqlite3_stmt *drop = catalog->sql[SL_SQL_DROP_QUARANTINE];
    sl_statement_integer(drop, 1, source);
    sl_statement_text(drop, 2, path);
    return sl_catalog_step(catalog, SL_SQL_DROP_QUARANTINE, err);
}

/* Where nothing is quarantined, as nearly always, a commit pays nothing. */
static int any_quarantined(struct sl_catalog *catalog, bool *ret, struct sl_error *err)
{
    int64_t any = catalog->quarantined;
    int r = 0;
    if (any < 0)
        r = sl_database_integer(&catalog->database, "SELECT EXISTS (SELECT 1 FROM quarantine)", &any, err);
    catalog->quarantined = any;
    *ret = any > 0;
    return r;
}

int sl_catalog_update_quarantine(struct sl_catalog *catalog, const struct sl_batch_plan *plan,
                                 struct sl_error *err)
{
    bool any;
    int r = any_quarantined(catalog, &any, err);
    for (size_t s = 0; any && s < plan->sources; s++)
        for (size_t i = 0; r == 0 && i < plan->files[s].count; i++)
            r = drop_quarantined(catalog, catalog->source_id[s], plan->files[s].file[i].path, err);
    for (size_t i = 0; r == 0 && i < plan->quarantined_count; i++)
        r = put_quarantined(catalog, plan, &plan->quarantined[i], err);
    if (any || plan->quarantined_count)
        catalog->quarantined = -1; /* it is counted when it is asked for */
    return r;
}

int sl_catalog_each_quarantined(struct sl_catalog *catalog, sl_catalog_visit_quarantine *visit, void *arg,
                                struct sl_error *err)
{
    sqlite3_stmt *get = catalog->sql[SL_SQL_GET_QUARANTINE];
    int r;
    while ((r = sl_catalog_step(catalog, SL_SQL_GET_QUARANTINE, err)) > 0) {
        struct sl_in_quarantine file = {.file = sl_catalog_column_file(get),
                                        .batch_ms = sqlite3_column_int64(get, 1),
                                        .reason = (const char *)sqlite3_column_text(get, 2)};
        while (file.source < catalog->sources &&
               catalog->source_id[file.source] != sqlite3_column_int64(get, 0))
            file.source++;
        if ((r = visit(arg, &file, err)) < 0)
            break;
    }
    (void)sqlite3_reset(get); /* the first failure is the one reported */
    return r < 0 ? r : 0;
}

int sl_catalog_forget_quarantined(struct sl_catalog *catalog, const char *path, int64_t *ret,
                                  struct sl_error *err)
{
    sqlite3_stmt *drop = catalog->sql[SL_SQL_FORGET_QUARANTINE];
    int r = sl_catalog_begin(catalog, err);
    sl_statement_text(drop, 1, path);
    r = r < 0 ? r : sl_catalog_step(catalog, SL_SQL_FORGET_QUARANTINE, err);
    *ret = sqlite3_changes64(catalog->database.handle);
    catalog->quarantined = -1;
    r = r < 0 ? r : sl_catalog_step(catalog, SL_SQL_COMMIT, err); /* no batch: progress stays */
    if (r < 0)
        sl_catalog_abort(catalog);
    return r;
}
