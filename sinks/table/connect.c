#include "sinks/table/connect.h"

#include "core/base/error.h"
#include "core/base/limits.h"

#include "sinks/retry.h"

#include <errno.h>
#include <stdio.h>

/* What an unreachable server has refused stays refused. */
static bool may_pass(int r, const struct sl_error *err)
{
    return r == SL_EUNREACHABLE && !(err && err->sys == EACCES); /* sinks/table/libpq.h */
}

int sl_table_connect(struct sl_table_memory *memory, const struct sl_services *services,
                     const _Atomic int *stop, struct sl_error *err)
{
    const struct sl_table_settings *settings = &memory->settings;
    const struct sl_table_database_ops *ops;
    struct sl_retry_log log = {0};
    struct sl_retry retry;
    char what[SL_MESSAGE_MAX];
    if (memory->database)
        return 0;
    int r = sl_table_database_find(settings->url, &ops, err);
    if (r < 0)
        return r;
    snprintf(what, sizeof what, "table %s", settings->table);
    sl_retry_begin(&retry, &log, services, stop, settings->retry_ms);
    do
        r = ops->open(settings, services, stop, &memory->database, err);
    while (may_pass(r, err) && sl_retry_again(&retry, what, err));
    return r;
}

void sl_table_disconnect(struct sl_table_memory *memory)
{
    if (memory->database)
        memory->database->ops->close(memory->database);
    memory->database = NULL;
}
