/* How far event time had come in a batch, for each operator that gives event times: part of its plan. */
#include "core/base/array.h"
#include "state/catalog/rows.h"
#include "state/catalog/sources.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int sl_batch_plan_add_watermark(struct sl_batch_plan *plan, const char *op_key, int64_t watermark_ms)
{
    struct sl_planned_watermark *grown =
        sl_array_grow(plan->watermark, plan->watermarks, &plan->watermarks_capacity, sizeof *grown);
    if (!grown)
        return SL_ENOMEM;
    plan->watermark = grown;
    grown[plan->watermarks] = (struct sl_planned_watermark){strdup(op_key), watermark_ms};
    return grown[plan->watermarks++].op_key ? 0 : SL_ENOMEM;
}

int sl_catalog_put_watermarks(const struct sl_catalog *catalog, const struct sl_batch_plan *plan,
                              int64_t *digest, struct sl_error *err)
{
    sqlite3_stmt *put = catalog->sql[SL_SQL_PUT_WATERMARK];
    int r = 0;
    for (size_t i = 0; i < plan->watermarks && r == 0; i++) {
        const struct sl_planned_watermark *watermark = &plan->watermark[i];
        int64_t checksum = sl_row_watermark(catalog->hash, (int64_t)plan->number, watermark->op_key,
                                            watermark->watermark_ms);
        sl_statement_integer(put, 1, (int64_t)plan->number);
        sl_statement_text(put, 2, watermark->op_key);
        sl_statement_integer(put, 3, watermark->watermark_ms);
        sl_statement_integer(put, 4, checksum);
        *digest = sl_digest_add(*digest, checksum);
        r = sl_catalog_step(catalog, SL_SQL_PUT_WATERMARK, err);
    }
    return r;
}

static int read_watermark(const struct sl_catalog_sources *job, struct sl_batch_plan *plan, int64_t *digest)
{
    const struct sl_catalog *catalog = job->catalog;
    sqlite3_stmt *get = catalog->sql[SL_SQL_GET_WATERMARKS];
    const char *op_key = (const char *)sqlite3_column_text(get, 0);
    int64_t watermark_ms = sqlite3_column_int64(get, 1), checksum = sqlite3_column_int64(get, 2);
    if (!op_key || checksum != sl_row_watermark(catalog->hash, (int64_t)plan->number, op_key, watermark_ms))
        return sl_catalog_damaged(catalog, job->err, "table watermark, a row of batch %" PRIu64,
                                  plan->number);
    *digest = sl_digest_add(*digest, checksum);
    return sl_batch_plan_add_watermark(plan, op_key, watermark_ms) < 0 ? sl_error_nomem(job->err) : 0;
}

int sl_catalog_read_watermarks(const struct sl_catalog_sources *job, struct sl_batch_plan *plan,
                               int64_t *digest)
{
    const struct sl_catalog *catalog = job->catalog;
    int r;
    sl_statement_integer(catalog->sql[SL_SQL_GET_WATERMARKS], 1, (int64_t)plan->number);
    while ((r = sl_catalog_step(catalog, SL_SQL_GET_WATERMARKS, job->err)) > 0)
        if ((r = read_watermark(job, plan, digest)) < 0)
            break;
    (void)sqlite3_reset(catalog->sql[SL_SQL_GET_WATERMARKS]); /* a failure was reported already */
    return r < 0 ? r : 0;
}
