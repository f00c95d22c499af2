#include "engine/run/run_batch.h"

#include "engine/batch/batch.h"
#include "engine/batch/deadletter.h"
#include "engine/batch/disk_full.h"
#include "engine/batch/viewer.h"
#include "engine/run/progress.h"
#include "engine/run/status.h"

#include <string.h>

static bool is_committed(const struct sl_batch *batch)
{
    return batch->run->any && batch->run->last_ms == batch->t;
}

/* What to do about a batch whose plan is durable: every start tries it again. A message that has its own remedy is left
 * alone. */
static void add_remedy(const struct sl_batch *batch, struct sl_error *err)
{
    bool is_planned = batch->run->catalog && batch->step > 0 && !is_committed(batch);
    if (!is_planned || err->code != SL_EFAIL || strstr(err->text, "reset --skip"))
        return;
    (void)sl_error_hint(
        err,
        "the next start tries it again; sluice reset --skip %lld quarantines its files instead, until "
        "sluice replay takes them",
        (long long)batch->t);
}

/* All steps; waits for room where the disk is full. */
static int run_steps(struct sl_batch *batch, struct sl_error *err)
{
    struct sl_disk_full room = {0};
    int r;
    do {
        sl_service_alive(&batch->run->service);
        r = sl_batch_step(batch, err);
        if ((r == SL_EFULL || r == SL_EUNREACHABLE) && !is_committed(batch))
            r = sl_disk_full_wait(&room, batch, err);
    } while (r > 0);
    if (r == 0) {
        sl_status_batch(batch);
        sl_deadletter_report(batch);
        sl_disk_full_done(&room, batch);
    }
    if (r < 0 && r != SL_ESTOP) {
        sl_error_wrap(err,
                      is_committed(batch) ? "batch %lld is committed, but %s failed"
                                          : "batch %lld failed while %s",
                      (long long)batch->t, sl_batch_step_doing(batch));
        add_remedy(batch, err);
    }
    return r;
}

static bool took_files(const struct sl_batch *batch)
{
    for (size_t s = 0; s < batch->run->sources; s++)
        if (batch->plan.files[s].count)
            return true;
    return false;
}

static bool is_wanted(const struct sl_batch *batch, const struct sl_limits *limits)
{
    return sl_batch_wanted(batch) && (!limits->needs_files || took_files(batch));
}

int sl_run_batch(struct sl_run *run, int64_t t, const struct sl_limits *limits, bool *ret_ran,
                 struct sl_error *err)
{
    struct sl_batch *batch;
    int r = sl_batch_new(run, t, &batch, err);
    if (r < 0)
        return r;
    *ret_ran = false;
    r = sl_viewer_check(run, err);
    r = r < 0 ? r : sl_batch_take(batch, limits, err);
    if (r == 0 && is_wanted(batch, limits)) {
        sl_progress_line_hide(run->progress);
        sl_progress_line_begin(run->progress);
        r = run_steps(batch, err);
        sl_progress_line_hide(run->progress);
        *ret_ran = r == 0;
    } else if (r == 0) {
        sl_status_idle(run);
    }
    if (*ret_ran)
        sl_progress_line_show(run->progress, batch);
    sl_batch_free(batch);
    return r;
}

static int run_without_input(struct sl_run *run, int64_t t, bool finishes, struct sl_error *err)
{
    struct sl_batch *batch;
    int r = sl_batch_new(run, t, &batch, err);
    if (r < 0)
        return r;
    batch->finishes = finishes;
    r = sl_batch_take_nothing(batch, err);
    if (r == 0)
        r = run_steps(batch, err);
    sl_batch_free(batch);
    return r;
}

int sl_run_batch_empty(struct sl_run *run, int64_t t, struct sl_error *err)
{
    return run_without_input(run, t, false, err);
}

int sl_run_batch_finish(struct sl_run *run, int64_t t, struct sl_error *err)
{
    return run_without_input(run, t, true, err);
}

int sl_run_batch_again(struct sl_run *run, struct sl_batch_plan *plan, struct sl_error *err)
{
    struct sl_batch *batch;
    int r = sl_batch_new(run, plan->batch_ms, &batch, err);
    if (r < 0)
        return r;
    sl_log(run->services.log, SL_LOG_INFO, "redoing batch %lld, which was planned and not committed",
           (long long)plan->batch_ms);
    r = sl_batch_resume(batch, plan, err);
    if (r == 0)
        r = run_steps(batch, err);
    sl_batch_free(batch);
    return r;
}
