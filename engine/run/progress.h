/* The line about where a run is, logged as SL_LOG_PROGRESS: in long runs after every batch the last batch, rows a second
 * and the lag; in any run while a batch takes long what of it is done and when the rest will be.
 *
 * sl_progress_line_init; sl_progress_line_begin before a batch, and while it runs sl_progress_line_advance from any
 * worker; sl_progress_line_hide before something else is printed; sl_progress_line_show after a batch. */
#pragma once

#include "core/base/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sl_batch;

struct sl_progress_line {
    struct sl_log *log;
    bool is_wanted;  /* after every batch */
    bool shows_long; /* while a batch takes long */
    _Atomic bool is_shown;
    uint64_t rows;              /* since it was drawn last */
    int64_t drawn_ns;           /* after a batch; 0: never */
    uint64_t rate;              /* rows a second, as drawn last */
    int64_t begun_ns;           /* the batch */
    _Atomic int64_t renewed_ns; /* while it runs */
};

/* wanted: it is a long run. shows_long: its clock is real. The log is borrowed. */
void sl_progress_line_init(struct sl_progress_line *progress, struct sl_log *log, bool wanted,
                           bool shows_long);
void sl_progress_line_begin(struct sl_progress_line *progress);
/* So many of the tasks that read a source are done. */
void sl_progress_line_advance(struct sl_batch *batch, size_t done, size_t tasks);
void sl_progress_line_hide(struct sl_progress_line *progress);
void sl_progress_line_show(struct sl_progress_line *progress, const struct sl_batch *batch);
