/* Ends a run whose peer process has ended: when the last writing end of a pipe is closed, this process sends itself SIGTERM, so
 * that a run that waits for files does not wait for ever. */
#pragma once

#include "core/base/error.h"

#include <pthread.h>

struct sl_hangup {
    pthread_t thread;
    int fd, end_fd;
};

/* fd: the reading end; it stays the caller's and open until sl_hangup_done. Other files than pipes and sockets never hang up. */
int sl_hangup_watch(struct sl_hangup *hangup, int fd, struct sl_error *err);
void sl_hangup_done(struct sl_hangup *hangup);
