/* The line about where a long run is, logged as SL_LOG_PROGRESS after every batch: the last batch, rows a second,
 * the lag.
 *
 * sl_progress_line_init; sl_progress_line_hide before something else is printed; sl_progress_line_show after
 * a batch. */
#pragma once

#include "core/base/log.h"

#include <stdbool.h>
#include <stdint.h>

struct sl_batch;

struct sl_progress_line {
    struct sl_log *log;
    bool is_wanted;
    bool is_shown;
    uint64_t rows;    /* since it was drawn last */
    int64_t drawn_ns; /* 0: never */
    uint64_t rate;    /* rows a second, as drawn last */
};

/* wanted: it is a long run. The log is borrowed. */
void sl_progress_line_init(struct sl_progress_line *progress, struct sl_log *log, bool wanted);
void sl_progress_line_hide(struct sl_progress_line *progress);
void sl_progress_line_show(struct sl_progress_line *progress, const struct sl_batch *batch);
