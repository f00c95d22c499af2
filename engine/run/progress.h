/* The one line that a long run shows on a terminal: the last batch, rows a second, how far it is behind.
 *
 * sl_progress_line_init; sl_progress_line_hide before something else is printed; sl_progress_line_show after
 * a batch. Without a terminal all of them do nothing. Log lines make room for themselves (engine/run/log.h). */
#pragma once

#include "engine/run/log.h"

#include <stdint.h>

struct sl_batch;

struct sl_progress_line {
    struct sl_stderr_log *log;
    bool is_wanted;
    uint64_t rows;    /* since it was drawn last */
    int64_t drawn_ns; /* 0: never */
    uint64_t rate;    /* rows a second, as drawn last */
};

/* wanted: it is a long run whose stderr may be used; a terminal has to be there, too. */
void sl_progress_line_init(struct sl_progress_line *progress, struct sl_stderr_log *log, bool wanted);
void sl_progress_line_hide(struct sl_progress_line *progress);
void sl_progress_line_show(struct sl_progress_line *progress, const struct sl_batch *batch);
