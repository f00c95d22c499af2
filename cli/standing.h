/* The state of a job, as seen from outside: the catalog, status.json and who holds the checkpoint. */
#pragma once

#include "cli/target.h"

struct sl_standing {
    struct sl_reading_progress progress;
    long pid; /* 0: no process holds the checkpoint; -1: one does, which is not known */
    int64_t now_ms, lag_ms;
    int64_t ended_ms; /* when the last run ended, where it ended well; else 0 */
    bool failed;      /* the last run ended so */
    bool waiting;     /* the run cannot continue for now */
    bool suspended;   /* a signal has stopped the process, or a debugger */
};

/* Of target->status as it was read last. */
int sl_standing_look(struct sl_target *target, struct sl_reading *reading, struct sl_standing *ret,
                     struct sl_error *err);
/* Whether a signal has stopped the process, or a debugger; false where it cannot be known. */
bool sl_standing_is_suspended(long pid);
