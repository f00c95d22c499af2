#include "sinks/table/connect.h"

#include "core/base/error.h"

#include <errno.h>
#include <time.h>

enum { PAUSE_FIRST_MS = 100, PAUSE_MAX_MS = 10000, LOOK_MS = 50 };

static bool is_stopped(const struct sl_services *services, const _Atomic int *stop)
{
    return (stop && atomic_load_explicit(stop, memory_order_relaxed)) || (services->stop && *services->stop);
}

/* False: the run was asked to end. */
static bool pause_for(int64_t ms, const struct sl_services *services, const _Atomic int *stop)
{
    int64_t end_ns = sl_monotonic_ns() + ms * 1000000;
    while (sl_monotonic_ns() < end_ns) {
        const struct timespec look = {0, LOOK_MS * 1000000L};
        if (is_stopped(services, stop))
            return false;
        nanosleep(&look, NULL);
    }
    return !is_stopped(services, stop);
}

int sl_table_connect(struct sl_table_memory *memory, const struct sl_services *services,
                     const _Atomic int *stop, struct sl_error *err)
{
    const struct sl_table_settings *settings = &memory->settings;
    const struct sl_table_database_ops *ops;
    int64_t end_ns = sl_monotonic_ns() + settings->retry_ms * 1000000, pause_ms = PAUSE_FIRST_MS;
    if (memory->database)
        return 0;
    int r = sl_table_database_find(settings->url, &ops, err);
    if (r < 0)
        return r;
    while ((r = ops->open(settings, services, stop, &memory->database, err)) == SL_EUNREACHABLE) {
        bool is_refused = err && err->sys == EACCES; /* sinks/table/libpq.h */
        if (is_refused || sl_monotonic_ns() + pause_ms * 1000000 > end_ns ||
            !pause_for(pause_ms, services, stop))
            break;
        pause_ms = pause_ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause_ms * 2;
    }
    return r;
}

void sl_table_disconnect(struct sl_table_memory *memory)
{
    if (memory->database)
        memory->database->ops->close(memory->database);
    memory->database = NULL;
}
