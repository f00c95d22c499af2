/* sl_run and its kin: a run from its start to its exit status. */
#include "engine/batch/checkpoint_state.h"
#include "engine/batch/hooks.h"
#include "engine/batch/job_changes.h"
#include "engine/batch/quarantine.h"
#include "engine/batch/sources.h"
#include "engine/batch/tick.h"
#include "engine/graph/check.h"
#include "engine/graph/paths.h"
#include "engine/run/open.h"
#include "engine/run/run_batch.h"
#include "engine/run/schedule.h"
#include "engine/trial/dry_run.h"

#include <stdlib.h>

static int remember(void *arg, size_t source, const struct sl_file *file, struct sl_error *err)
{
    return sl_sources_remember(arg, source, file, err);
}

/* Loads progress and redoes what was planned. */
static int recover(struct sl_run *run, struct sl_error *err)
{
    struct sl_progress progress = {0};
    const struct sl_catalog_wants wants = {sl_sources_need_last(run), remember, run};
    int r = sl_catalog_load(run->catalog, run->sources, (const char *const *)run->source_key, &wants,
                            &progress, err);
    run->any = progress.any;
    run->last_ms = progress.last_ms;
    run->batches = progress.batches;
    run->services.history = sl_catalog_history(run->catalog);
    r = r < 0 ? r : sl_checkpoint_state_open(run, &progress, err);
    if (r == 0)
        r = sl_job_changes_say(run, err);
    if (r == 0 && progress.planned)
        r = sl_sources_remember_planned(run, &progress.plan, err);
    if (r == 0)
        r = sl_quarantine_settle_last(run, &progress.last, err);
    if (r == 0)
        sl_tick_renew(run);
    r = r < 0 ? r : sl_batch_go_on(run, &progress, err);
    if (r == 0 && progress.planned)
        r = sl_run_batch_again(run, &progress.plan, err);
    sl_progress_done(&progress);
    return r;
}

static int exit_status(const struct sl_run *run, int r)
{
    switch ((enum sl_err)r) {
    case SL_OK:
        return run->options->strict && run->set_aside ? 5 : 0;
    case SL_ESTOP:
        return 0;
    case SL_EUSAGE:
        return 2;
    case SL_EHELD:
        return 3;
    case SL_EDAMAGED:
        return 4;
    case SL_EFAIL:
    case SL_ENOMEM:
    case SL_EREJECT:
    case SL_EGROUP:
    case SL_EFULL:
        return 1;
    }
    return 1;
}

/* It shows how it gets on. */
static bool is_long(const struct sl_run_options *options)
{
    return !options->quiet && !options->log_json && !options->once && !options->available_now &&
           !options->virtual_clock;
}

static int run_all(struct sl_run *run, struct sl_error *err)
{
    int r = sl_run_open(run, err);
    if (r == SL_EFULL) /* there is no batch yet that could wait: engine/batch/disk_full */
        return sl_error_hint(err, "make room and start it again");
    if (r == 0 && run->catalog)
        r = recover(run, err);
    r = r < 0 ? r : sl_sources_start(run, err);
    if (r == 0 && !run->trial)
        sl_status_open(run);
    if (r == 0)
        r = run->trial ? sl_dry_run_schedule(run, err) : sl_schedule(run, err);
    return r;
}

int sl_run_hooked(struct sl_context *context, const struct sl_run_options *given,
                  const struct sl_run_hooks *hooks)
{
    static const struct sl_run_options defaults = {.stop_fd = -1};
    struct sl_error err = {0};
    struct sl_stderr_log log;
    struct sl_run run = {
        .context = context, .options = given ? given : &defaults, .hooks = hooks, .wake_fd = -1};
    sl_stderr_log_init(&log, run.options->log_json, run.options->quiet);
    sl_progress_line_init(&run.progress, &log, is_long(run.options));
    run.services.log = &log.log;
    run.services.job_dirfd = -1;
    run.checkpoint = sl_checkpoint_path(context);
    int r = sl_context_check(context, &err);
    if (r == 0)
        r = run_all(&run, &err);
    sl_progress_line_hide(&run.progress);
    int status = exit_status(&run, r);
    sl_status_close(&run, r < 0 && r != SL_ESTOP ? err.text : NULL);
    sl_run_close(&run);
    if (r < 0 && r != SL_ESTOP)
        context->error = err;
    return status;
}

int sl_run(struct sl_context *context, const struct sl_run_options *options)
{
    return sl_run_hooked(context, options, NULL);
}

int sl_dry_run_run(struct sl_context *context, struct sl_dry_run *trial, struct sl_error *err)
{
    static const struct sl_run_options options = {.virtual_clock = true, .quiet = true, .stop_fd = -1};
    struct sl_stderr_log log;
    struct sl_run run = {.context = context, .options = &options, .wake_fd = -1};
    int r = sl_context_check(context, err);
    if (r < 0)
        return r;
    sl_dry_run_set_options(&context->options);
    sl_stderr_log_init(&log, false, true);
    run.services.log = &log.log;
    run.services.job_dirfd = -1;
    run.trial = trial;
    run.observer = trial->observer;
    r = run_all(&run, err);
    sl_run_close(&run);
    sl_dry_run_close(context, trial);
    return r;
}
