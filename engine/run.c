#include "engine/run.h"

#include "core/clock.h"
#include "engine/asides.h"
#include "engine/batch.h"
#include "engine/bounds.h"
#include "engine/changes.h"
#include "engine/check.h"
#include "engine/hooks.h"
#include "engine/keep.h"
#include "engine/log.h"
#include "engine/memories.h"
#include "engine/owed.h"
#include "engine/paths.h"
#include "engine/schedule.h"
#include "engine/trial.h"
#include "engine/validate.h"
#include "fs/mount.h"
#include "watcher/watcher.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

struct sl_source *sl_run_source(const struct sl_run *run, const struct sl_node *node)
{
    for (size_t s = 0; s < run->sources; s++)
        if (run->source[s]->node == node)
            return run->source[s];
    sl_assert(!"every source node has its source");
    return NULL;
}

bool sl_run_abandoned(struct sl_run *run)
{
    if (run->options->stop && *run->options->stop > 1)
        atomic_store(&run->stop, 1);
    return atomic_load(&run->stop) != 0;
}

static void wake(void *arg)
{
    struct sl_run *run = arg;
    uint64_t one = 1;
    if (write(run->wake_fd, &one, sizeof one) < 0)
        return; /* the counter is full: it is awake */
}

/* ---- opening, in the order of sl_run ---- */

static int open_services(struct sl_run *run, struct sl_error *err)
{
    struct sl_context *context = run->context;
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
        .out = run->options->out ? run->options->out : stdout,
        .durable = !context->options.no_checkpoint,
        .record_bytes_max = (uint64_t)context->options.record_bytes_max,
        .empty_batches = context->options.empty_batches,
        .open_arrivals = sl_watcher_open_arrivals,
    };
    if (run->trial) {
        run->services.io = &run->trial->given.io;
        run->services.open_arrivals = sl_given_open_arrivals;
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
            .stop = &run->stop,
        };
    run->services.main_task = &run->task[0];
    return 0;
}

static int prepare_workers(struct sl_run *run, struct sl_error *err)
{
    struct sl_context *context = run->context;
    char message[SL_ERROR_TEXT_MAX] = "";
    if (!context->on_workers)
        return 0;
    int r = context->on_workers(context->on_workers_arg, sl_pool_workers(run->pool), message, sizeof message);
    return r < 0 ? sl_error_set(err, (enum sl_err)r, "%s", message) : 0;
}

/* When the workers' graphs have been compared with this one. */
static int open_trial(struct sl_run *run, struct sl_error *err)
{
    return run->trial ? sl_trial_open(run, err) : 0;
}

/* Tells sources apart over restarts: operator and directory; the same twice gets a number. */
static char *source_key(const struct sl_run *run, size_t s)
{
    const struct sl_node *node = run->source[s]->node;
    char text[4096], number[32] = "";
    const char *dir = sl_node_text(node, "directory", text, sizeof text);
    size_t same = 0;
    for (size_t i = 0; i < s; i++) {
        char other[4096];
        const char *theirs = sl_node_text(run->source[i]->node, "directory", other, sizeof other);
        same += run->source[i]->node->op == node->op && (dir ? theirs && strcmp(dir, theirs) == 0 : !theirs);
    }
    if (same)
        snprintf(number, sizeof number, "#%zu", same + 1);
    struct sl_buf key;
    sl_buf_init(&key);
    if (!sl_buf_printf(&key, "%s:%s%s", node->op->name, dir ? dir : "", number) || !sl_buf_byte(&key, 0)) {
        sl_buf_done(&key);
        return NULL;
    }
    return (char *)key.bytes;
}

static bool reads_files(const struct sl_node *node)
{
    return node->op->kind == SL_OP_SOURCE && node->op->source->remember;
}

static int open_watcher(struct sl_run *run, struct sl_error *err)
{
    for (size_t n = 0; n < run->pipelines->nodes; n++) {
        if (run->trial || !reads_files(run->pipelines->node[n]))
            continue;
        int r = sl_watcher_new(run->services.io, run->services.log, wake, run, &run->watcher, err);
        run->services.arrivals_arg = run->watcher;
        return r;
    }
    return 0;
}

static int open_sources(struct sl_run *run, struct sl_error *err)
{
    size_t nodes = run->pipelines->nodes;
    run->source = calloc(nodes + 1, sizeof(struct sl_source *));
    run->source_key = calloc(nodes + 1, sizeof(char *));
    run->gone = calloc(nodes + 1, sizeof *run->gone);
    if (!run->source || !run->source_key || !run->gone)
        return sl_error_nomem(err);
    for (size_t n = 0; n < nodes; n++) {
        const struct sl_node *node = run->pipelines->node[n];
        if (node->op->kind != SL_OP_SOURCE)
            continue;
        int r = node->op->source->open(node, &run->services, &run->source[run->sources], err);
        if (r < 0)
            return sl_error_wrap(err, "%s:%d: %s", node->site.file, node->site.line, node->op->name);
        run->source_key[run->sources] = source_key(run, run->sources);
        if (!run->source_key[run->sources++])
            return sl_error_nomem(err);
    }
    return 0;
}

static void close_sources(struct sl_run *run)
{
    for (size_t s = 0; s < run->sources; s++) {
        run->source[s]->ops->close(run->source[s]);
        free(run->source_key[s]);
    }
    for (size_t s = 0; run->gone && s < run->sources; s++)
        sl_files_done(&run->gone[s]);
    free(run->gone);
    free(run->source);
    free(run->source_key);
}

/* ---- the mount ---- */

static unsigned versions_kept(const struct sl_node *node)
{
    struct sl_arg keep = sl_node_option(node, "keep");
    return keep.kind == SL_ARG_VALUE ? (unsigned)keep.value.integer : SL_VIEW_KEEP_DEFAULT;
}

static int list_views(struct sl_run *run, struct sl_mount_options *options, const char **view, unsigned *keep,
                      struct sl_error *err)
{
    for (size_t n = 0; n < run->pipelines->nodes; n++) {
        struct sl_node *node = (struct sl_node *)run->pipelines->node[n];
        if (node->op->kind != SL_OP_OUTPUT || strcmp(node->op->name, "mount") != 0)
            continue;
        struct sl_field name = sl_node_value(node, 0);
        view[options->views] = sl_arena_text(&run->context->arena, (const char *)name.str, name.len);
        if (!view[options->views])
            return sl_error_nomem(err);
        node->view = options->views;
        keep[options->views++] = versions_kept(node);
    }
    return 0;
}

/* FUSE, or plain files with a warning where it is not to be had. */
static int open_viewer(struct sl_run *run, const struct sl_mount_options *options, struct sl_error *err)
{
    if (run->context->options.mount_kind == SL_MOUNT_DIR)
        return sl_plain_view_open(options, &run->services.viewer, err);
    int r = sl_mount_open(options, &run->services.viewer, err);
    if (r != SL_EFAIL || run->options->require_mount)
        return r;
    sl_log(run->services.log, SL_LOG_WARNING, "no live mount, plain files in its place: %s", err->text);
    return sl_plain_view_open(options, &run->services.viewer, err);
}

static int open_mount(struct sl_run *run, struct sl_error *err)
{
    size_t nodes = run->pipelines->nodes;
    const char **view = calloc(nodes + 1, sizeof *view);
    unsigned *keep = calloc(nodes + 1, sizeof *keep);
    char *dir = sl_mount_path(run->context);
    struct sl_mount_options options = {
        .dir = dir,
        .view = view,
        .keep = keep,
        .for_others = run->context->options.mount_for_others,
        .io = run->services.io,
        .log = run->services.log,
    };
    int r = view && keep && dir ? list_views(run, &options, view, keep, err) : sl_error_nomem(err);
    if (r == 0 && options.views)
        r = open_viewer(run, &options, err);
    free(view);
    free(keep);
    free(dir);
    return r;
}

/* ---- the checkpoint ---- */

static int remember_files(struct sl_run *run, const struct sl_files *remembered,
                          const struct sl_plan *planned, struct sl_error *err)
{
    int r = 0;
    for (size_t s = 0; s < run->sources && r == 0; s++) {
        const struct sl_source_ops *ops = run->source[s]->ops;
        if (!ops->remember)
            continue;
        r = ops->remember(run->source[s], &remembered[s], err);
        if (r == 0 && planned)
            r = ops->remember(run->source[s], &planned->files[s], err);
    }
    return r;
}

/* Loads progress and redoes what was planned. */
static int recover(struct sl_run *run, struct sl_error *err)
{
    struct sl_progress progress = {0};
    struct sl_files *remembered = calloc(run->sources + 1, sizeof *remembered);
    int r = remembered ? sl_catalog_load(run->catalog, run->sources, (const char *const *)run->source_key,
                                         &progress, remembered, err)
                       : sl_error_nomem(err);
    run->any = progress.any;
    run->last_ms = progress.last_ms;
    run->batches = progress.batches;
    run->services.history = sl_catalog_history(run->catalog);
    r = r < 0 ? r : sl_keep_open(run, &progress, err);
    if (r == 0)
        r = sl_changes_say(run, err);
    if (r == 0)
        r = remember_files(run, remembered, progress.planned ? &progress.plan : NULL, err);
    if (r == 0)
        r = sl_asides_settle_last(run, &progress.last, err);
    if (r == 0)
        sl_owed_do(run);
    r = r < 0 ? r : sl_batch_go_on(run, &progress.last, err);
    if (r == 0 && progress.planned)
        r = sl_schedule_replay(run, &progress.plan, err);
    for (size_t s = 0; remembered && s < run->sources; s++)
        sl_files_done(&remembered[s]);
    free(remembered);
    sl_progress_done(&progress);
    return r;
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
    if (run->context->options.no_checkpoint)
        return 0;
    if (!run->checkpoint)
        return sl_error_nomem(err);
    return sl_catalog_open(run->services.io, AT_FDCWD, run->checkpoint, &run->catalog, err);
}

/* ---- the run ---- */

static int check_times(struct sl_run *run, struct sl_error *err)
{
    int64_t interval = run->context->options.interval_ms;
    if (run->options->start_ms % interval)
        return sl_error_set(err, SL_EUSAGE, "the start time %lld is not a multiple of the interval, %lld ms",
                            (long long)run->options->start_ms, (long long)interval);
    return 0;
}

static int open_run(struct sl_run *run, struct sl_error *err)
{
    static int (*const steps[])(struct sl_run * run, struct sl_error * err) = {
        check_times, open_services,  open_watcher,     open_checkpoint, open_workers, prepare_workers,
        open_trial,  sl_bounds_open, sl_memories_open, open_sources,    open_outputs, open_mount,
    };
    int r = sl_pipelines_new(run->context, &run->pipelines, err);
    if (r == 0 && sl_rejects_init(&run->rejects, run->pipelines,
                                  run->context->options.on_record_error == SL_ON_ERROR_STOP) < 0)
        r = sl_error_nomem(err);
    for (size_t i = 0; i < sizeof steps / sizeof *steps && r == 0; i++)
        r = steps[i](run, err);
    return r;
}

static void close_run(struct sl_run *run)
{
    if (run->services.viewer)
        run->services.viewer->ops->close(run->services.viewer);
    close_sources(run);
    sl_keep_close(run);
    sl_memories_close(run);
    sl_watcher_free(run->watcher);
    sl_catalog_close(run->catalog);
    for (unsigned w = 0; run->worker && w < sl_pool_workers(run->pool); w++) {
        sl_arena_done(&run->worker[w].scratch);
        sl_arena_done(&run->worker[w].flow);
    }
    sl_pool_free(run->pool);
    sl_bounds_close(run);
    free(run->worker);
    free(run->task);
    free(run->checkpoint);
    sl_rejects_done(&run->rejects);
    sl_pipelines_free(run->pipelines);
    if (run->services.job_dirfd >= 0)
        close(run->services.job_dirfd);
    if (run->wake_fd >= 0)
        close(run->wake_fd);
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
    int r = open_run(run, err);
    if (r == 0 && run->catalog)
        r = recover(run, err);
    if (r == 0 && !run->trial)
        sl_status_open(run);
    if (r == 0)
        r = run->trial ? sl_trial_schedule(run, err) : sl_schedule(run, err);
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
    close_run(&run);
    if (r < 0 && r != SL_ESTOP)
        context->error = err;
    return status;
}

int sl_run(struct sl_context *context, const struct sl_run_options *options)
{
    return sl_run_hooked(context, options, NULL);
}

int sl_run_trial(struct sl_context *context, struct sl_trial *trial, struct sl_error *err)
{
    static const struct sl_run_options options = {.virtual_clock = true, .quiet = true, .stop_fd = -1};
    struct sl_stderr_log log;
    struct sl_run run = {.context = context, .options = &options, .wake_fd = -1};
    sl_stderr_log_init(&log, false, true);
    run.services.log = &log.log;
    run.services.job_dirfd = -1;
    run.trial = trial;
    run.observer = trial->observer;
    int r = run_all(&run, err);
    close_run(&run);
    return r;
}
