#include "engine/run/progress.h"

#include "core/base/clock.h"
#include "engine/batch/batch.h"
#include "engine/run/status.h"
#include "engine/run/status_text.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

enum {
    RATE_NS = 1000000000, /* a rate is taken over at least so long */
    RENEW_NS = 250000000, /* the line of a batch that runs is written no more often */
};
static const int64_t long_ns = 2000000000; /* a batch that takes longer gets a line */

void sl_progress_line_init(struct sl_progress_line *progress, struct sl_log *log, bool wanted,
                           bool shows_long)
{
    *progress = (struct sl_progress_line){.log = log, .is_wanted = wanted, .shows_long = shows_long};
}

/* ---- a batch that runs ---- */

void sl_progress_line_begin(struct sl_progress_line *progress)
{
    progress->begun_ns = sl_monotonic_ns();
    progress->renewed_ns = 0;
}

/* One of the workers writes it. */
static bool is_due(struct sl_progress_line *progress, int64_t now_ns)
{
    int64_t before = progress->renewed_ns;
    return progress->shows_long && now_ns - progress->begun_ns > long_ns && now_ns - before > RENEW_NS &&
           atomic_compare_exchange_strong(&progress->renewed_ns, &before, now_ns);
}

struct amount {
    uint64_t files, bytes;
};

static struct amount amount_of(const struct sl_batch *batch)
{
    struct amount amount = {0};
    for (size_t s = 0; s < batch->plan.sources; s++) {
        amount.files += batch->plan.files[s].count;
        for (size_t i = 0; i < batch->plan.files[s].count; i++)
            amount.bytes += (uint64_t)batch->plan.files[s].file[i].size;
    }
    return amount;
}

void sl_progress_line_advance(struct sl_batch *batch, size_t done, size_t tasks)
{
    struct sl_progress_line *progress = batch->run->progress;
    int64_t now_ns = sl_monotonic_ns();
    char line[160];
    if (!is_due(progress, now_ns))
        return;
    struct amount amount = amount_of(batch);
    double passed_s = (double)(now_ns - progress->begun_ns) / 1e9, part = (double)done / (double)tasks;
    uint64_t rows = sl_batch_rows_in(batch);
    snprintf(line, sizeof line, "%.0f %% of %llu file%s, %.1f MB; %llu records, %.0f records/s, %.0f s left",
             part * 100, (unsigned long long)amount.files, amount.files == 1 ? "" : "s",
             (double)amount.bytes / 1e6, (unsigned long long)rows, (double)rows / passed_s,
             passed_s * (1 - part) / part);
    sl_log(progress->log, SL_LOG_PROGRESS, "%s", line);
    progress->is_shown = true;
}

/* ---- after a batch ---- */

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
    int len = snprintf(line, sizeof line, "batch %s, %llu rows/s, lag %.1f s, %llu batch%s", clock,
                       (unsigned long long)progress->rate, lag, (unsigned long long)batch->run->committed,
                       batch->run->committed == 1 ? "" : "es");
    uint64_t waiting = sl_status_intake(batch->run).waiting;
    if (waiting)
        snprintf(line + len, sizeof line - (size_t)len, ", %llu file%s waiting", (unsigned long long)waiting,
                 waiting == 1 ? "" : "s");
    sl_log(progress->log, SL_LOG_PROGRESS, "%s", line);
    progress->is_shown = true;
}
