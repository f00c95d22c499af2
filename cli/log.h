/* The log on stderr, for sl_context_on_log: "sluice: warning: ..." or one JSON object a line, and on a terminal the
 * line of progress, which every log line takes the place of. Silent about information when stderr is no terminal;
 * bytes of data and names never reach a terminal unescaped. */
#pragma once

#include "core/base/log.h"

#include <stdatomic.h>
#include <stdbool.h>

struct sl_stderr_log {
    bool json, progress; /* in JSON; progress is shown */
    bool journal;        /* lines begin with their priority */
    enum sl_log_level least;
    _Atomic bool has_line; /* a line of progress is where the next log line will be */
};

/* quiet: only warnings and errors. */
void sl_stderr_log_init(struct sl_stderr_log *log, bool json, bool quiet);

/* A sl_log_function; arg is a struct sl_stderr_log. */
void sl_stderr_log_write(void *arg, enum sl_log_level level, const char *text);
