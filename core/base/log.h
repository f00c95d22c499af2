/* Log lines: to stderr as text or JSON, or wherever the owner of the run wants them. Library code logs
 * nothing above debug; who handles an error logs it, once. Thread-safe. */
#pragma once

#include <stdarg.h>

enum sl_log_level { SL_LOG_DEBUG, SL_LOG_INFO, SL_LOG_WARNING, SL_LOG_ERROR };

struct sl_log {
    void (*write)(struct sl_log *log, enum sl_log_level level, const char *text); /* one line, no newline */
};

/* A NULL log swallows everything. */
void sl_log(struct sl_log *log, enum sl_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
