/* A batch is abandoned when *options->stop is raised for the second time. The main thread may be busy in a
 * function of the job, or waiting for a command, for long: a thread of its own waits for it, and sets
 * context->abandoned, at which the others look. Code that cannot look (a function in C, say) would hold it up for ever:
 * with options->exit_when_abandoned the thread ends the process within a second. */
#pragma once

#include "core/base/error.h"
#include "core/base/log.h"

#include <stdatomic.h>

struct sl_abandon;

/* How often a run was asked to stop; stop: see sl_run_options. A signal handler counts it, in whichever
 * thread. */
static inline int sl_stop_count(const volatile int *stop)
{
    return stop ? __atomic_load_n(stop, __ATOMIC_RELAXED) : 0;
}

/* stop, stop_fd: see sl_run_options; they, `told` and the log outlive it. log: where the end of the process is reported;
 * NULL: it is not ended. */
int sl_abandon_new(const volatile int *stop, int stop_fd, _Atomic int *told, struct sl_log *log,
                   struct sl_abandon **ret, struct sl_error *err);
/* From here on nothing ends the process. */
void sl_abandon_free(struct sl_abandon *abandon);
