/* SIGTERM, SIGINT and SIGHUP (unless nohup has it ignored) as something a run can look at: the first asks it to
 * finish its batch, the second to abandon it. SIGPIPE is ignored, so that a closed stdout is an error like any other. */
#pragma once

#include "core/base/error.h"

struct sl_signals {
    const volatile int *count; /* of signals that came */
    int fd;                    /* becomes readable with each */
};

/* Before anything else: a parent's blocked signals and ignored SIGCHLD are inherited over execve; with them a run
 * could neither be stopped nor learn how its commands ended. */
void sl_signals_reset(void);

/* Once per process. */
int sl_signals_open(struct sl_signals *ret, struct sl_error *err);
void sl_signals_close(struct sl_signals *signals);
