/* SIGTERM and SIGINT as something a run can look at: the first asks it to finish its batch, the second to
 * abandon it. SIGPIPE is ignored, so that a closed stdout is an error like any other. */
#pragma once

#include "core/base/error.h"

struct sl_signals {
    const volatile int *count; /* of signals that came */
    int fd;                    /* becomes readable with each */
};

/* Once per process. */
int sl_signals_open(struct sl_signals *ret, struct sl_error *err);
void sl_signals_close(struct sl_signals *signals);
