/* A batch is given up when *options->stop says so for the second time. The main thread may be busy in a
 * function of the job, or waiting for a command, for long: a thread of its own waits for it, and tells
 * everybody who looks at context->abandoned. */
#pragma once

#include "core/base/error.h"

#include <stdatomic.h>

struct sl_abandon;

/* How often a run was asked to stop; stop: see sl_run_options. A signal handler counts it, in whichever
 * thread. */
static inline int sl_stop_count(const volatile int *stop)
{
    return stop ? __atomic_load_n(stop, __ATOMIC_RELAXED) : 0;
}

/* stop, stop_fd: see sl_run_options; they and `told` outlive it. */
int sl_abandon_new(const volatile int *stop, int stop_fd, _Atomic int *told, struct sl_abandon **ret,
                   struct sl_error *err);
void sl_abandon_free(struct sl_abandon *abandon);
