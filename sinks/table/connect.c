#include "sinks/table/connect.h"

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/contract/claim.h"
#include "sinks/retry.h"

#include <errno.h>
#include <stdio.h>

/* What an unreachable server has refused stays refused. */
static bool may_pass(int r, const struct sl_error *err)
{
    return r == SL_EUNREACHABLE && !(err && err->sys == EACCES); /* sinks/table/libpq.h */
}

/* A server and a database have several addresses, a table several names. Two outputs to one table would each have a transaction of
 * their own and wait for each other. */
static int claim_table(struct sl_table_memory *memory, const struct sl_services *services,
                       struct sl_error *err)
{
    const struct sl_table_settings *settings = &memory->settings;
    struct sl_buf name SL_CLEANUP(sl_buf_done) = {0};
    const struct sl_node *other = NULL;
    int r = services->shared ? memory->database->ops->identify(memory->database, &name, err) : 0;
    if (r < 0 || !name.len)
        return r;
    if (!sl_buf_byte(&name, 0))
        return sl_error_nomem(err);
    r = sl_claim(services->shared, settings->node, (const char *)name.bytes, &other, err);
    return !other ? r
                  : sl_error_set(err, SL_EUSAGE,
                                 "the table %s of %s is taken by line %d; unite the streams before",
                                 settings->table, settings->url, other->site.line);
}

static int open_and_claim(struct sl_table_memory *memory, const struct sl_services *services,
                          const _Atomic int *stop, const struct sl_table_database_ops *ops,
                          struct sl_error *err)
{
    int r = ops->open(&memory->settings, services, stop, &memory->database, err);
    r = r < 0 ? r : claim_table(memory, services, err);
    if (r < 0)
        sl_table_disconnect(memory);
    return r;
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
        r = open_and_claim(memory, services, stop, ops, err);
    while (may_pass(r, err) && sl_retry_again(&retry, what, err));
    return r;
}

void sl_table_disconnect(struct sl_table_memory *memory)
{
    if (memory->database)
        memory->database->ops->close(memory->database);
    memory->database = NULL;
}
