#include "engine/run/progress.h"

#include "core/base/clock.h"
#include "engine/batch/batch.h"
#include "engine/run/status.h"

#include <stdio.h>
#include <time.h>

enum { RATE_NS = 1000000000 }; /* a rate is taken over at least so long */

void sl_progress_line_init(struct sl_progress_line *progress, struct sl_log *log, bool wanted)
{
    *progress = (struct sl_progress_line){.log = log, .is_wanted = wanted};
}

void sl_progress_line_hide(struct sl_progress_line *progress)
{
    if (progress->is_shown)
        sl_log(progress->log, SL_LOG_PROGRESS, "%s", "");
    progress->is_shown = false;
}

static void take_rate(struct sl_progress_line *progress)
{
    int64_t now_ns = sl_monotonic_ns(), passed_ns = now_ns - progress->drawn_ns;
    if (progress->drawn_ns && passed_ns < RATE_NS)
        return;
    progress->rate = progress->drawn_ns ? (uint64_t)((double)progress->rows * 1e9 / (double)passed_ns) : 0;
    progress->drawn_ns = now_ns;
    progress->rows = 0;
}

void sl_progress_line_show(struct sl_progress_line *progress, const struct sl_batch *batch)
{
    char line[128], clock[16];
    time_t seconds = (time_t)(batch->t / 1000);
    struct tm local;
    if (!progress->is_wanted)
        return;
    progress->rows += sl_batch_rows_in(batch);
    take_rate(progress);
    if (!localtime_r(&seconds, &local) || strftime(clock, sizeof clock, "%H:%M:%S", &local) == 0)
        return;
    double lag = (double)(sl_clock_real.now_ms(&sl_clock_real) - batch->t) / 1000;
    snprintf(line, sizeof line, "batch %s, %llu rows/s, lag %.1f s, %llu batches", clock,
             (unsigned long long)progress->rate, lag, (unsigned long long)batch->run->committed);
    sl_log(progress->log, SL_LOG_PROGRESS, "%s", line);
    progress->is_shown = true;
}
