#include "sinks/retry.h"

#include "core/base/buf.h"
#include "core/base/clock.h"

#include <time.h>

enum { PAUSE_FIRST_MS = 100, PAUSE_MAX_MS = 10000, LOOK_MS = 50, SAID_AGAIN_S = 2, SAID_MAX_S = 60 };

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  INT64_C(1000000000)

void sl_retry_log_reset(struct sl_retry_log *log)
{
    atomic_store(&log->next_ns, 0);
}

void sl_retry_begin(struct sl_retry *retry, struct sl_retry_log *log, const struct sl_services *services,
                    const _Atomic int *stop, int64_t retry_ms)
{
    *retry = (struct sl_retry){services, stop, log, sl_monotonic_ns() + retry_ms * NS_PER_MS, PAUSE_FIRST_MS};
}

bool sl_retry_is_stopped(const struct sl_services *services, const _Atomic int *stop)
{
    return (stop && atomic_load_explicit(stop, memory_order_relaxed)) || (services->stop && *services->stop);
}

/* After so long again as it was waited already. */
static int64_t next_time(int64_t waited_ns, int64_t now_ns)
{
    int64_t step_ns = waited_ns < SAID_AGAIN_S * NS_PER_S ? SAID_AGAIN_S * NS_PER_S
                      : waited_ns > SAID_MAX_S * NS_PER_S ? SAID_MAX_S * NS_PER_S
                                                          : waited_ns;
    return now_ns + step_ns;
}

/* waited_s -1: it has just begun. */
static void tell(const struct sl_retry *retry, const char *what, const struct sl_error *why, int64_t waited_s,
                 int64_t left_s)
{
    const struct sl_services *services = retry->services;
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    sl_buf_printf(&text, "%s%s%s; it is tried again, for at most %lld s", what, what[0] ? ": " : "",
                  why->text, (long long)left_s);
    if (waited_s >= 0)
        sl_buf_printf(&text, " more; it failed first %lld s ago", (long long)waited_s);
    if (!sl_buf_byte(&text, 0))
        return; /* there will be another one */
    sl_log(services->log, SL_LOG_WARNING, "%s", (const char *)text.bytes);
    if (services->waits)
        services->waits(services->changed_arg, (const char *)text.bytes);
}

static void report(const struct sl_retry *retry, const char *what, const struct sl_error *why, int64_t now_ns)
{
    struct sl_retry_log *log = retry->log;
    int64_t next_ns = atomic_load(&log->next_ns), left_s = (retry->end_ns - now_ns + NS_PER_S - 1) / NS_PER_S;
    bool is_first = next_ns == 0;
    int64_t waited_ns = is_first ? 0 : now_ns - atomic_load(&log->begin_ns);
    if (now_ns < next_ns ||
        !atomic_compare_exchange_strong(&log->next_ns, &next_ns, next_time(waited_ns, now_ns)))
        return; /* another thread logs it */
    if (is_first)
        atomic_store(&log->begin_ns, now_ns);
    tell(retry, what, why, is_first ? -1 : waited_ns / NS_PER_S, left_s);
}

/* False: it was asked to end. */
static bool pause_for(const struct sl_retry *retry, int64_t ms)
{
    int64_t end_ns = sl_monotonic_ns() + ms * NS_PER_MS;
    while (!sl_retry_is_stopped(retry->services, retry->stop)) {
        const struct timespec look = {0, LOOK_MS * NS_PER_MS};
        if (sl_monotonic_ns() >= end_ns)
            return true;
        nanosleep(&look, NULL);
    }
    return false;
}

bool sl_retry_again(struct sl_retry *retry, const char *what, const struct sl_error *why)
{
    int64_t now_ns = sl_monotonic_ns(), pause_ms = retry->pause_ms;
    if (now_ns + pause_ms * NS_PER_MS > retry->end_ns)
        return false;
    report(retry, what, why, now_ns);
    retry->pause_ms = pause_ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause_ms * 2;
    return pause_for(retry, pause_ms);
}
