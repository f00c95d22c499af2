/* Log lines, to wherever the owner of the run wants them (sl_context_on_log). Library code logs nothing above debug;
 * what handles an error logs it, once. Thread-safe. */
#pragma once

#include "sluice.h"

struct sl_log {
    void (*write)(struct sl_log *log, enum sl_log_level level, const char *text); /* one line, no newline */
};

/* A NULL log swallows everything. */
void sl_log(struct sl_log *log, enum sl_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
