/* The log of a run on stderr: "sluice: warning: ..." or one JSON object a line. Silent about information when
 * stderr is no terminal; bytes of data and names never reach a terminal unescaped. */
#pragma once

#include "core/base/log.h"

#include <stdatomic.h>
#include <stdbool.h>

struct sl_stderr_log {
    struct sl_log log; /* first */
    bool json;
    enum sl_log_level least;
    _Atomic bool has_line; /* a line of progress stands where the next log line goes */
};

void sl_stderr_log_init(struct sl_stderr_log *log, bool json, bool quiet);

/* On a terminal: a line that the next log line, or the next such line, takes the place of. */
void sl_stderr_log_show_line(struct sl_stderr_log *log, const char *line);
void sl_stderr_log_hide_line(struct sl_stderr_log *log);
