/* sl_run and sl_dry_run_run: a run from its start to its end. */
#include "core/base/plain_locale.h"
#include "engine/batch/checkpoint_state.h"
#include "engine/batch/counters.h"
#include "engine/batch/executor.h"
#include "engine/batch/gone.h"
#include "engine/batch/homes.h"
#include "engine/batch/hooks.h"
#include "engine/batch/job_changes.h"
#include "engine/batch/lineage.h"
#include "engine/batch/lost_sources.h"
#include "engine/batch/plan_job.h"
#include "engine/batch/quarantine.h"
#include "engine/batch/replay.h"
#include "engine/batch/sources.h"
#include "engine/batch/tick.h"
#include "engine/graph/check.h"
#include "engine/graph/paths.h"
#include "engine/run/greeting.h"
#include "engine/run/open.h"
#include "engine/run/progress.h"
#include "engine/run/run_batch.h"
#include "engine/run/schedule.h"
#include "engine/run/status.h"
#include "engine/trial/dry_run.h"
#include "receive/skip.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static int remember(void *arg, size_t source, const struct sl_files *files, struct sl_error *err)
{
    return sl_sources_remember(arg, source, files, err);
}

/* Whether the batch was to read records of the source that were left out since. */
static bool is_left_out(const struct sl_buf *range)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf left = {0};
    struct sl_error err;
    uint64_t count;
    return sl_received_skip(range, &left, &count, &err) == 0 && left.len && count == 0;
}

/* All that it was to read is quarantined or left out: nothing is there that another job could do otherwise. */
static bool is_skipped(const struct sl_batch_plan *plan)
{
    size_t files = 0, ranges = 0;
    for (size_t s = 0; s < plan->sources; s++) {
        files += plan->files[s].count;
        if (!plan->range || !plan->range[s].len)
            continue;
        if (!is_left_out(&plan->range[s]))
            return false;
        ranges++;
    }
    return files + ranges > 0 && plan->quarantined_count == files;
}

static int needs_last(struct sl_run *run, bool *ret, struct sl_error *err)
{
    *ret = sl_sources_need_last(run);
    return *ret ? 0 : sl_replay_is_begun(run, ret, err);
}

static int load(struct sl_run *run, struct sl_progress *progress, struct sl_error *err)
{
    bool last;
    int r = needs_last(run, &last, err);
    bool *only_new = r < 0 ? NULL : calloc(run->sources + 1, sizeof *only_new); /* + 1: never of size 0 */
    if (!only_new)
        return r < 0 ? r : sl_error_nomem(err);
    sl_sources_only_new(run, only_new);
    const struct sl_catalog_wants wants = {
        .last = last, .remember = remember, .arg = run, .pool = run->pool, .only_new = only_new};
    r = sl_catalog_load(run->catalog, run->sources, (const char *const *)run->source_key, &wants, progress,
                        err);
    free(only_new);
    return r;
}

/* Loads progress and redoes what was planned. */
static int recover(struct sl_run *run, struct sl_error *err)
{
    struct sl_progress progress = {0};
    int r = load(run, &progress, err);
    run->any = progress.any;
    run->last_ms = progress.last_ms;
    run->batches = progress.batches;
    run->spoilt = progress.spoilt;
    run->services.history = sl_catalog_history(run->catalog);
    r = r < 0 ? r : sl_counters_load(run, err);
    r = r < 0 ? r : sl_lineage_open(run, err);
    if (r == 0 && progress.planned) {
        progress.plan.job = progress.job;
        if (!is_skipped(&progress.plan))
            r = sl_plan_job_check(run, progress.job, progress.plan.batch_ms, err);
    }
    r = r < 0 ? r : sl_homes_check(run, &progress, err);
    r = r < 0 ? r : sl_checkpoint_state_open(run, &progress, err);
    if (r == 0)
        r = sl_job_changes_say(run, err);
    if (r == 0 && progress.planned)
        r = sl_sources_remember_planned(run, &progress.plan, err);
    r = r < 0 ? r : sl_lost_sources_check(run, &progress, err);
    r = r < 0 ? r : sl_sources_decide(run, &progress, err); /* nothing refuses the start after it */
    r = r < 0 ? r : sl_replay_open(run, err);
    r = r < 0 ? r : sl_replay_settle(run, &progress.last, err);
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

/* A run whose progress is worth being shown. */
static bool is_long(const struct sl_run_options *options)
{
    return !options->once && !options->available_now && !options->virtual_clock;
}

static int run_all(struct sl_run *run, struct sl_error *err)
{
    int r = sl_run_open(run, err);
    if (r == SL_EFULL) /* there is no batch yet that could wait: engine/batch/disk_full */
        return sl_error_hint(err, "make room and start it again");
    if (r == 0 && run->executor)
        r = run->executor->ops->open(run->executor, run, err);
    if (r == 0 && !run->trial)
        r = sl_status_serve(run, err);
    if (r == 0 && run->catalog)
        r = recover(run, err);
    r = r < 0 ? r : sl_sources_start(run, err);
    if (r == 0 && !run->trial)
        sl_status_open(run);
    if (r == 0 && !run->trial && is_long(run->options))
        sl_greeting(run);
    if (r == 0)
        r = run->trial ? sl_dry_run_schedule(run, err) : sl_schedule(run, err);
    if (r == 0 && run->catalog)
        sl_gone_end(run);
    return r;
}

/* What sl_run was asked to do must make sense together. */
static int check_options(const struct sl_run_options *options, struct sl_error *err)
{
    bool is_bounded = options->once || options->available_now || options->batches;
    if (options->once && options->available_now)
        return sl_error_set(err, SL_EUSAGE, "sl_run: once and available_now exclude each other");
    if (options->batches < 0)
        return sl_error_set(err, SL_EUSAGE,
                            "sl_run: batches is %lld; it must be at least 0, which is no limit",
                            (long long)options->batches);
    if (options->start_ms < 0)
        return sl_error_set(err, SL_EUSAGE, "sl_run: start_ms is %lld; it must be at least 0",
                            (long long)options->start_ms);
    if (options->start_ms && !options->virtual_clock)
        return sl_error_set(err, SL_EUSAGE, "sl_run: start_ms is for virtual_clock");
    if (options->finish && !is_bounded)
        return sl_error_set(err, SL_EUSAGE, "sl_run: finish is for once, available_now and batches");
    return 0;
}

/* Programs compiled with an earlier header have fewer fields, with a later one more; those must be clear. */
static int read_options(const struct sl_run_options *given, struct sl_run_options *ret, struct sl_error *err)
{
    struct sl_run_options options = sl_run_defaults();
    size_t size = given ? given->size : 0;
    if (given && size < offsetof(struct sl_run_options, stop_fd))
        return sl_error_set(err, SL_EUSAGE, "sl_run: the options have no size; begin with sl_run_defaults()");
    for (size_t at = sizeof options; at < size; at++)
        if (((const uint8_t *)given)[at])
            return sl_error_set(err, SL_EUSAGE,
                                "sl_run: an option of a later libsluice is set; this one is version %s",
                                SLUICE_VERSION);
    if (given)
        memcpy(&options, given, size < sizeof options ? size : sizeof options);
    if (!options.stop || options.stop_fd <= 0)
        options.stop_fd = -1;
    *ret = options;
    return check_options(&options, err);
}

static int run_and_close(struct sl_run *run, struct sl_error *err)
{
    locale_t before = sl_plain_locale_enter();
    int r = sl_context_check(run->context, err);
    if (r == 0)
        r = run_all(run, err);
    sl_progress_line_hide(run->progress);
    sl_status_close(run, r < 0 && r != SL_ESTOP ? err->text : NULL);
    if (r == 0 && run->options->strict && run->left_out)
        r = SL_ESTRICT;
    if (run->executor)
        run->executor->ops->close(run->executor);
    sl_run_close(run);
    (void)uselocale(before);
    return r;
}

int sl_run_hooked(struct sl_context *context, const struct sl_run_options *given,
                  const struct sl_run_hooks *hooks)
{
    struct sl_error err = {0};
    struct sl_run_options options;
    struct sl_progress_line progress;
    struct sl_status status = {.lock = PTHREAD_MUTEX_INITIALIZER};
    int r = read_options(given, &options, &err);
    if (r == 0) {
        struct sl_run run = {.context = context,
                             .options = &options,
                             .hooks = hooks,
                             .executor = hooks ? hooks->executor : NULL,
                             .progress = &progress,
                             .status = &status,
                             .waiting = sl_status_waiting,
                             .advanced = sl_progress_line_advance,
                             .wake_fd = -1};
        sl_progress_line_init(run.progress, &context->log.log, !options.once && !options.virtual_clock,
                              !options.virtual_clock);
        run.services.log = &context->log.log;
        run.services.job_dirfd = -1;
        run.checkpoint = sl_checkpoint_path(context);
        r = run_and_close(&run, &err);
    }
    if (r < 0 && r != SL_ESTOP && r != SL_ESTRICT)
        context->error = err;
    return sl_error_class(r);
}

int sl_run(struct sl_context *context, const struct sl_run_options *options)
{
    if (!context)
        return SL_ENOMEM;
    return sl_run_hooked(context, options, NULL);
}

int sl_dry_run_run(struct sl_context *context, struct sl_dry_run *trial, struct sl_error *err)
{
    static const struct sl_run_options options = {.virtual_clock = true, .stop_fd = -1};
    struct sl_progress_line progress;
    struct sl_status status = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct sl_run run = {.context = context,
                         .options = &options,
                         .progress = &progress,
                         .status = &status,
                         .waiting = sl_status_waiting,
                         .wake_fd = -1};
    sl_progress_line_init(&progress, NULL, false, false);
    int r = sl_context_check(context, err);
    if (r < 0)
        return r;
    sl_dry_run_set_options(&context->options);
    run.services.log = &context->log.log;
    run.services.job_dirfd = -1;
    run.trial = trial;
    run.observer = trial->observer;
    r = run_all(&run, err);
    sl_totals_done(&status.totals);
    sl_run_close(&run);
    sl_dry_run_close(context, trial);
    return r;
}
