/* The log of a run on stderr: "sluice: warning: ..." or one JSON object a line. Silent about information when
 * stderr is no terminal; bytes of data and names never reach a terminal unescaped. */
#pragma once

#include "core/log.h"

#include <stdbool.h>

struct sl_stderr_log {
    struct sl_log log; /* first */
    bool json;
    enum sl_log_level least;
};

void sl_stderr_log_init(struct sl_stderr_log *log, bool json, bool quiet);
