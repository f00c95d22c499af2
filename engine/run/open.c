#include "engine/run/open.h"

#include "core/base/clock.h"
#include "core/contract/claim.h"
#include "engine/batch/abandon.h"
#include "engine/batch/checkpoint_state.h"
#include "engine/batch/counters.h"
#include "engine/batch/hooks.h"
#include "engine/batch/lineage.h"
#include "engine/batch/memory_limit.h"
#include "engine/batch/operator_memory.h"
#include "engine/batch/plan_job.h"
#include "engine/batch/sources.h"
#include "engine/batch/viewer.h"
#include "engine/run/status.h"
#include "engine/trial/dry_run.h"
#include "sinks/bucket/bucket.h"
#include "text/time_format.h"
#include "watcher/watcher.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

static void wake(void *arg)
{
    struct sl_run *run = arg;
    uint64_t one = 1;
    if (write(run->wake_fd, &one, sizeof one) < 0)
        return; /* the counter is full: it is awake */
}

static bool find_branch(const struct sl_services *services, const struct sl_node *source, const char *branch,
                        const struct sl_node **ret)
{
    return sl_pipelines_find_branch(services->branches, source, branch, ret);
}

static int open_services(struct sl_run *run, struct sl_error *err)
{
    struct sl_context *context = run->context;
    pthread_mutex_init(&run->shared.lock, NULL);
    run->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (run->wake_fd < 0)
        return sl_error_sys(err, errno, "making an event counter");
    sl_clock_virtual_init(&run->virtual_clock, run->options->start_ms);
    run->services = (struct sl_services){
        .io = run->hooks && run->hooks->io ? run->hooks->io : &sl_io_system,
        .log = run->services.log,
        .clock = run->options->virtual_clock ? &run->virtual_clock.clock : &sl_clock_real,
        .job_dirfd = -1,
        .job_dir = context->dir,
        .job = context->name,
        .shared = &run->shared,
        .out = run->options->out ? run->options->out : stdout,
        .durable = !context->options.no_checkpoint,
        .checkpoint = context->options.no_checkpoint ? NULL : run->checkpoint,
        .changed = sl_status_changed,
        .waits = sl_status_waits,
        .changed_arg = run,
        .open_bucket = run->trial ? NULL : sl_bucket_open,
        .keep_received_ms = context->options.keep_received_ms,
        .until_end = run->options->once || run->options->available_now || run->options->virtual_clock,
        .trial = run->trial,
        .stop = run->options->stop,
        .stop_fd = run->options->stop_fd,
        .record_bytes_max = (uint64_t)context->options.record_bytes_max,
        .empty_batches = context->options.empty_batches,
        .find_branch = find_branch,
        .branches = run->pipelines,
        .deadletter_fd = -1,
        .open_arrivals = sl_watcher_open_arrivals,
    };
    if (run->trial) {
        run->services.io = &run->trial->given.io;
        run->services.open_arrivals = sl_fed_files_open_arrivals;
        run->services.arrivals_arg = &run->trial->given;
    }
    int fd = sl_io_open(run->services.io, AT_FDCWD, context->dir, O_RDONLY | O_DIRECTORY, 0, err);
    if (fd < 0)
        return fd;
    run->services.job_dirfd = fd;
    return 0;
}

static unsigned worker_count(const struct sl_context *context)
{
    if (context->options.workers)
        return (unsigned)context->options.workers;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    return cpus < 1 ? 1 : cpus > SL_WORKERS_MAX ? SL_WORKERS_MAX : (unsigned)cpus;
}

static int open_abandon(struct sl_run *run, struct sl_error *err)
{
    const struct sl_run_options *options = run->options;
    atomic_store(&run->context->abandoned, 0); /* of an earlier run */
    atomic_store(&run->context->stopped, 0);
    if (!options->stop || options->stop_fd < 0)
        return 0;
    return sl_abandon_new(options->stop, options->stop_fd, &run->context->abandoned,
                          options->exit_when_abandoned ? run->services.log : NULL, &run->abandon, err);
}

static int open_workers(struct sl_run *run, struct sl_error *err)
{
    unsigned workers = worker_count(run->context);
    uint64_t seed = 0;
    (void)!getrandom(&seed, sizeof seed, GRND_NONBLOCK); /* only tables depend on it; zero is a seed too */
    run->pool = sl_pool_new(workers, err);
    if (!run->pool)
        return err->code;
    run->worker = calloc(workers, sizeof *run->worker);
    run->task = calloc(workers, sizeof *run->task);
    if (!run->worker || !run->task)
        return sl_error_nomem(err);
    for (unsigned w = 0; w < workers; w++)
        run->task[w] = (struct sl_task){
            .worker = w,
            .seed = seed,
            .scratch = &run->worker[w].scratch,
            .sink = &run->rejects.sink,
            .stop = &run->context->abandoned,
            .function_timeout_ms = run->context->options.function_timeout_ms,
            .event_ms = SL_NO_TIME,
        };
    run->services.main_task = &run->task[0];
    run->services.pool = run->pool;
    return 0;
}

static int prepare_workers(struct sl_run *run, struct sl_error *err)
{
    struct sl_context *context = run->context;
    char message[SL_ERROR_TEXT_MAX] = "";
    if (!context->on_workers)
        return 0;
    int r = context->on_workers(context->on_workers_arg, sl_pool_workers(run->pool), message, sizeof message);
    return r < 0 ? sl_error_set(err, r, "%s", message) : 0;
}

/* When the workers' graphs have been compared with this one. */
static int open_trial(struct sl_run *run, struct sl_error *err)
{
    return run->trial ? sl_dry_run_open(run, err) : 0;
}

static bool reads_files(const struct sl_node *node)
{
    return node->op->kind == SL_OP_SOURCE && node->op->source->remember;
}

static int open_watcher(struct sl_run *run, struct sl_error *err)
{
    for (size_t n = 0; n < run->pipelines->nodes; n++) {
        if (run->trial || run->is_task || !reads_files(run->pipelines->node[n]))
            continue;
        int r = sl_watcher_new(run->services.io, wake, run, &run->watcher, err);
        run->services.arrivals_arg = run->watcher;
        return r;
    }
    return 0;
}

/* Outputs refuse what could not work. */
static int open_outputs(struct sl_run *run, struct sl_error *err)
{
    int r = 0;
    for (size_t n = 0; r == 0 && n < run->pipelines->nodes; n++) {
        const struct sl_node *node = run->pipelines->node[n];
        if (node->op->kind == SL_OP_OUTPUT && node->op->output->open)
            r = node->op->output->open(node, &run->services, err);
    }
    return r;
}

static int open_checkpoint(struct sl_run *run, struct sl_error *err)
{
    if (run->context->options.no_checkpoint) {
        uint32_t seed = (uint32_t)getpid();
        (void)!getrandom(&seed, sizeof seed, GRND_NONBLOCK); /* else the process has to do */
        snprintf(run->services.owner, sizeof run->services.owner, "%08" PRIx32, seed);
        return 0;
    }
    if (!run->checkpoint)
        return sl_error_nomem(err);
    int r = sl_catalog_open(run->services.io, AT_FDCWD, run->checkpoint, &run->catalog, err);
    if (r == 0)
        run->services.checkpoint_id = sl_catalog_id(run->catalog);
    return r < 0 ? r : sl_catalog_owner(run->catalog, run->services.owner, err);
}

static int check_times(struct sl_run *run, struct sl_error *err)
{
    int64_t interval = run->context->options.interval_ms;
    if (run->options->start_ms > SL_TIME_MAX_MS)
        return sl_error_set(err, SL_EUSAGE,
                            "the start time %lld is after the year 9999; it is in ms since the epoch",
                            (long long)run->options->start_ms);
    if (run->options->start_ms % interval)
        return sl_error_set(err, SL_EUSAGE, "the start time %lld is not a multiple of the interval, %lld ms",
                            (long long)run->options->start_ms, (long long)interval);
    return 0;
}

/* Of a process that runs tasks only what tasks need. */
static int open_outside(struct sl_run *run, struct sl_error *err)
{
    static int (*const steps[])(struct sl_run * run, struct sl_error * err) = {
        sl_sources_open,
        open_outputs,
        sl_viewer_open,
    };
    int r = 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && r == 0 && !run->is_task; i++)
        r = steps[i](run, err);
    return r;
}

int sl_run_open(struct sl_run *run, struct sl_error *err)
{
    static int (*const steps[])(struct sl_run * run, struct sl_error * err) = {
        check_times,
        open_services,
        open_watcher,
        open_checkpoint,
        open_abandon,
        open_workers,
        sl_counters_open,
        prepare_workers,
        open_trial,
        sl_memory_limit_open,
        sl_operator_memory_open,
        open_outside,
    };
    int r = sl_pipelines_new(run->context, &run->pipelines, err);
    if (r == 0 && sl_rejects_init(&run->rejects, run->pipelines,
                                  run->context->options.on_record_error == SL_ON_ERROR_STOP) < 0)
        r = sl_error_nomem(err);
    r = r < 0 ? r : sl_plan_job_make(run, err);
    if (r == 0 && sl_rejects_init(&run->late, run->pipelines, false) < 0)
        r = sl_error_nomem(err);
    run->rejects.late = &run->late;
    run->late.is_late = true;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && r == 0; i++)
        r = steps[i](run, err);
    return r;
}

void sl_run_close(struct sl_run *run)
{
    if (run->services.viewer)
        run->services.viewer->ops->close(run->services.viewer);
    sl_lineage_close(run);
    sl_sources_close(run);
    sl_checkpoint_state_close(run);
    sl_operator_memory_close(run);
    sl_counters_close(run);
    sl_watcher_free(run->watcher);
    sl_catalog_close(run->catalog);
    for (unsigned w = 0; run->worker && w < sl_pool_workers(run->pool); w++) {
        sl_arena_done(&run->worker[w].scratch);
        sl_arena_done(&run->worker[w].flow);
    }
    sl_pool_free(run->pool);
    sl_memory_limit_close(run);
    free(run->worker);
    free(run->task);
    sl_claims_free(&run->shared);
    free(run->checkpoint);
    free(run->job_text);
    sl_rejects_done(&run->rejects);
    sl_rejects_done(&run->late);
    sl_pipelines_free(run->pipelines);
    if (run->services.deadletter_fd > 0)
        close(run->services.deadletter_fd);
    if (run->services.job_dirfd >= 0)
        close(run->services.job_dirfd);
    if (run->wake_fd >= 0)
        close(run->wake_fd);
    sl_abandon_free(run->abandon); /* what is closed may wait for code that hangs */
}
