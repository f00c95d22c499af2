/* Notifies the kernel of what to remove from its caches: a queue and a thread.
 *
 * A notification may wait in the kernel until requests on the same directory are answered; so the thread
 * holds no lock while it notifies and serves no requests. Pushing never waits. */
#pragma once

#include "fs/tree/tree.h"

struct sl_notifier;

/* What to do with a notice; called by the thread. */
typedef void sl_notify(void *arg, const struct sl_notice *notice);

/* 0 or a negative sl_err. */
int sl_notifier_start(sl_notify *notify, void *arg, struct sl_notifier **ret, struct sl_error *err);
/* Does not wait. False: out of memory, the notice is lost. */
bool sl_notifier_push(struct sl_notifier *notifier, const struct sl_notice *notice);
/* Waits until every notice that was pushed before was sent; false after the time-out. */
bool sl_notifier_settle(struct sl_notifier *notifier, int timeout_ms);
/* Sends what is queued, then ends the thread; notices pushed later are dropped. NULL is fine. */
void sl_notifier_stop(struct sl_notifier *notifier);
/* After it was stopped and nothing pushes any more. NULL is fine. */
void sl_notifier_free(struct sl_notifier *notifier);
