/* functionTimeout: a Lua function that runs for too long fails its batch; it never decides a result.
 *
 * Between sl_watchdog_enter and sl_watchdog_leave a copy runs a function. A thread looks at all copies from
 * time to time; to one that is in the same call for longer than the timeout it sends a signal (SIGURG, which
 * is ignored by default) that sets a hook in that very thread, and the hook raises an error at
 * every instruction from then on, so that no pcall holds it. A call costs two stores and reads no clock.
 * Where nothing runs the thread sleeps until something does. A batch that is abandoned stops its functions in
 * the same way.
 *
 * What a hook cannot stop is a C function (string.rep, patterns), a coroutine, or the message handler of an
 * xpcall: the batch fails when they come back. */
#pragma once

#include "lua/copy.h"

struct sl_watchdog;

/* Watches all copies of the job, which are complete. */
int sl_watchdog_new(struct sl_job *job, int64_t timeout_ms, struct sl_watchdog **ret, struct sl_error *err);
void sl_watchdog_free(struct sl_watchdog *watchdog);

void sl_watchdog_meet(struct sl_copy *copy);

/* The copy is about to run a function while the watchdog sleeps. */
void sl_watchdog_wake(struct sl_copy *copy);

static inline void sl_watchdog_enter(struct sl_copy *copy)
{
    if (copy->thread != pthread_self())
        sl_watchdog_meet(copy);
    uint64_t calls = atomic_load_explicit(&copy->calls, memory_order_relaxed);
    atomic_store_explicit(&copy->calls, calls + 1, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst); /* the watchdog makes it a real one before it sleeps */
    if (atomic_load_explicit(&copy->is_unwatched, memory_order_relaxed))
        sl_watchdog_wake(copy);
}

/* Many calls under one protected call: the next one begins. */
static inline void sl_watchdog_next(struct sl_copy *copy)
{
    uint64_t calls = atomic_load_explicit(&copy->calls, memory_order_relaxed);
    atomic_store_explicit(&copy->calls, calls + 2, memory_order_relaxed);
}

/* Whether the call was too long. */
static inline bool sl_watchdog_leave(struct sl_copy *copy)
{
    uint64_t calls = atomic_load_explicit(&copy->calls, memory_order_relaxed);
    atomic_store_explicit(&copy->calls, calls + 1, memory_order_release);
    return atomic_load_explicit(&copy->is_late, memory_order_relaxed);
}

/* Sets the failure of a call that was too long; the copy can be used again. */
int sl_watchdog_explain(struct sl_copy *copy, struct sl_error *err);
