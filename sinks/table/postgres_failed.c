/* What a failed call means for the connection. */
#ifdef SLUICE_HAS_POSTGRES

#include "core/base/error.h"
#include "sinks/table/postgres_internal.h"

int sl_postgres_failed(struct postgres *db, int r, struct sl_error *err)
{
    db->base.broken = db->base.broken || db->pq.broken || r < 0;
    if (r != SL_EREJECT)
        return r;
    return sl_error_set(err, SL_EFAIL, "%s: %s", db->base.settings->url, db->pq.message);
}

#endif
