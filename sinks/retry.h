/* Doing again what failed for a reason that may pass, such as a server that is away: after 100 ms, doubling to 10 s, for as
 * long as the option `retry` permits. What is waited for is logged and shown by status at once, and then after 2 s, 4 s,
 * 8 s ..., at the latest every minute, so that a run that waits is never silent.
 *
 *     sl_retry_begin(&retry, &log, services, stop, retry_ms);
 *     while ((r = attempt(err)) == SL_EUNREACHABLE && sl_retry_again(&retry, what, err)) {
 *     } */
#pragma once

#include "core/base/error.h"
#include "core/contract/services.h"

#include <stdatomic.h>

/* What was logged; shared by the threads that wait for one server, so that they log it once. {0}: nothing yet. */
struct sl_retry_log {
    _Atomic int64_t begin_ns, next_ns; /* when waiting began; when it is logged again */
};
/* For a new batch: what is waited for is logged at once. */
void sl_retry_log_reset(struct sl_retry_log *log);

struct sl_retry {
    const struct sl_services *services;
    const _Atomic int *stop; /* of the batch; may be NULL */
    struct sl_retry_log *log;
    int64_t end_ns, pause_ms;
};

/* Borrows all of it. retry_ms 0: nothing is done again. */
void sl_retry_begin(struct sl_retry *retry, struct sl_retry_log *log, const struct sl_services *services,
                    const _Atomic int *stop, int64_t retry_ms);
/* Whether the run, or its batch, was asked to end. */
bool sl_retry_is_stopped(const struct sl_services *services, const _Atomic int *stop);
/* After a failure, which why tells: logs it, preceded by `what` where that is not "", and pauses. False: the time is over, or the
 * run was asked to end. */
bool sl_retry_again(struct sl_retry *retry, const char *what, const struct sl_error *why);
