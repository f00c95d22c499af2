/* What a batch does, in this order and no other. A crash between any two steps leaves a state from which the
 * next start gives the same bytes:
 *
 *  1 plan         time and input files are durable: from here the batch will happen
 *  2 execute      rows; nothing outside changes
 *  3 effect       print, foreachRDD: at least once, before anything is visible
 *  4 write        outputs complete under hidden names, files and directory synced
 *  5 state        what windows and state changed is in a segment that nothing names yet, synced
 *  6 dead letters records that were set aside, a file of its own, replaced when the batch is redone, synced
 *  7 reveal       outputs get their names, never over anything; the parents are synced
 *  8 commit       one transaction: progress, manifests, segments, what need not be remembered; durable
 *  9 publish      views and links show the batch
 * 10 tick         <checkpoint>/tick is rewritten
 * 11 settle       inputs are deleted or archived where the job asks for it
 * 12 old letters  dead letters that are too old or too much are removed
 *
 * A batch that is redone (its plan was found at start) begins at 2. What an earlier try has shown decides:
 * before 7 shows anything, every directory that the try may have shown is what this one makes, or the run stops
 * (engine/batch/plan_job.h); what the try left of 4 and 6 is replaced or removed. */
#include "engine/batch/commit.h"

#include "core/contract/site.h"
#include "engine/batch/checkpoint_state.h"
#include "engine/batch/counters.h"
#include "engine/batch/deadletter.h"
#include "engine/batch/deadletter_limit.h"
#include "engine/batch/gone.h"
#include "engine/batch/homes.h"
#include "engine/batch/hooks.h"
#include "engine/batch/lineage.h"
#include "engine/batch/memory_limit.h"
#include "engine/batch/plan_job.h"
#include "engine/batch/quarantine.h"
#include "engine/batch/replay.h"
#include "engine/batch/sources.h"
#include "engine/batch/tick.h"
#include "state/store/store.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static int plan(struct sl_batch *batch, struct sl_error *err)
{
    struct sl_run *run = batch->run;
    batch->started_ms = sl_clock_real.now_ms(&sl_clock_real);
    if (!run->catalog || batch->replay)
        return 0;
    int r = sl_homes_remember(run, err);
    r = r < 0 ? r : sl_catalog_plan(run->catalog, &batch->plan, err);
    return r < 0 ? r : sl_replay_planned(run, err);
}

/* Calls one step of every output that takes part, in graph order. */
static int each_output(struct sl_batch *batch, size_t step_offset, struct sl_error *err)
{
    const struct sl_pipelines *pipelines = batch->run->pipelines;
    for (size_t n = 0; n < pipelines->nodes; n++) {
        const struct sl_node *node = pipelines->node[n];
        if (node->op->kind != SL_OP_OUTPUT || !batch->stage[n] || !batch->stage[n]->has_input)
            continue;
        int (*step)(struct sl_stage * stage);
        memcpy(&step, (const char *)node->op->output + step_offset, sizeof step);
        batch->stage[n]->err = err;
        int r = sl_lineage_note(batch, node, err);
        r = r < 0 ? r : step ? step(batch->stage[n]) : 0;
        if (r == SL_ENOMEM)
            sl_error_nomem(err);
        if (r < 0)
            return r == SL_ESTOP ? r : sl_site_wrap(&node->site, err);
    }
    return 0;
}

static int effect(struct sl_batch *batch, struct sl_error *err)
{
    batch->run->replaced = 0;
    batch->run->services.replaced = &batch->run->replaced;
    return each_output(batch, offsetof(struct sl_output, effect), err);
}

static int write_outputs(struct sl_batch *batch, struct sl_error *err)
{
    return each_output(batch, offsetof(struct sl_output, write), err);
}

static int reveal(struct sl_batch *batch, struct sl_error *err)
{
    if (sl_run_abandoned(batch->run))
        return sl_error_set(err, SL_ESTOP, "the batch was abandoned; it is redone at the next start");
    int r = batch->replay ? sl_plan_job_check_shown(batch, err) : 0;
    return r < 0 ? r : each_output(batch, offsetof(struct sl_output, reveal), err);
}

static int collect_manifests(struct sl_batch *batch, struct sl_manifest **ret, size_t *ret_count,
                             struct sl_error *err)
{
    const struct sl_pipelines *pipelines = batch->run->pipelines;
    struct sl_manifest *list = calloc(pipelines->nodes + 1, sizeof *list);
    size_t count = 0;
    int r = list ? 0 : sl_error_nomem(err);
    for (size_t n = 0; n < pipelines->nodes && r == 0; n++) {
        const struct sl_op *op = pipelines->node[n]->op;
        if (op->kind != SL_OP_OUTPUT || !op->output->manifest || !batch->stage[n])
            continue;
        r = op->output->manifest(batch->stage[n], &batch->manifest[n]);
        if (r == 0 && batch->manifest[n].path)
            r = sl_lineage_add(batch->run, pipelines->node[n], batch->t, &batch->manifest[n], err);
        if (r == 0 && batch->manifest[n].path)
            list[count++] = batch->manifest[n]; /* a borrowed view: batch->manifest owns */
    }
    *ret = list;
    *ret_count = count;
    return r;
}

static int commit(struct sl_batch *batch, struct sl_error *err)
{
    struct sl_run *run = batch->run;
    struct sl_committed committed = {
        .plan = &batch->plan,
        .segments = run->segments,
        .codes = run->codes_are_new ? &run->codes : NULL,
        .history_from_ms = batch->t - run->context->options.keep_history_ms,
        .rejected = run->rejects.total,
        .spoilt = batch->spoilt,
        .late = run->late.total,
        .started_ms = batch->started_ms,
        .finished_ms = sl_clock_real.now_ms(&sl_clock_real),
    };
    int r = sl_counters_gather(run, err);
    if (r < 0 || !run->catalog) {
        if (r == 0)
            sl_counters_committed(run);
        return r;
    }
    struct sl_manifest *manifest = NULL;
    committed.counted = run->counters_next;
    committed.counters = run->counters_next ? run->context->counters : 0;
    r = sl_quarantine_confirm(batch, err);
    r = r < 0 ? r : collect_manifests(batch, &manifest, &committed.manifests, err);
    r = r < 0 ? r : sl_gone_collect(run, err);
    committed.manifest = manifest;
    committed.gone = run->gone;
    r = r < 0 ? r : sl_catalog_commit(run->catalog, &committed, err);
    if (r == 0) {
        sl_counters_committed(run);
        run->codes_are_new = false;
    }
    if (r == 0 && run->store)
        sl_store_committed(run->store);
    if (r == 0)
        sl_gone_forgotten(run);
    free(manifest);
    return r;
}

/* How long a batch waits at most until new readers of the mount see it: the tick that follows says that they
 * do. */
enum { SETTLE_MS = 500 };

/* The batch is committed: a failure from here on is logged and does not undo it. */
static int publish(struct sl_batch *batch, struct sl_error *err)
{
    struct sl_run *run = batch->run;
    run->any = true;
    run->last_ms = batch->t;
    run->batches++;
    run->spoilt = batch->spoilt;
    run->committed++;
    run->left_out += run->rejects.total;
    run->late_records += run->late.total;
    int r = each_output(batch, offsetof(struct sl_output, publish), err);
    r = r < 0 ? r : sl_lineage_committed(batch, err);
    if (run->services.viewer && run->services.viewer->ops->settle)
        run->services.viewer->ops->settle(run->services.viewer, SETTLE_MS);
    if (r < 0)
        sl_log(run->services.log, SL_LOG_WARNING, "batch %lld is committed, but %s", (long long)batch->t,
               err->text);
    return 0;
}

static int tick(struct sl_batch *batch, struct sl_error *err)
{
    struct sl_run *run = batch->run;
    if (run->catalog && sl_tick_write(run, batch->t, err) < 0)
        sl_log(run->services.log, SL_LOG_WARNING, "batch %lld is committed, but %s", (long long)batch->t,
               err->text);
    return 0;
}

static int settle(struct sl_batch *batch, struct sl_error *err)
{
    struct sl_run *run = batch->run;
    int r = sl_replay_settle(run, &batch->plan, err);
    if (r < 0)
        return r;
    for (size_t s = 0; s < run->sources; s++) {
        struct sl_source *source = run->source[s];
        if ((r = sl_quarantine_settle(run, s, err)) < 0)
            return r;
        if (source->ops->failures)
            run->left_out += source->ops->failures(source);
    }
    sl_sources_forget_tables(run);
    return 0;
}

const struct sl_commit_step sl_commit_steps[] = {
    {"plan", "planning it", plan},
    {"execute", "running the operators", sl_batch_execute},
    {"effect", "calling foreachRDD, print and pipeTo", effect},
    {"write", "writing the outputs", write_outputs},
    {"state", "saving windows and state", sl_checkpoint_state_save},
    {"dead letters", "writing dead letters", sl_deadletter_write},
    {"reveal", "renaming the outputs", reveal},
    {"commit", "committing it", commit},
    {"publish", "showing the views", publish},
    {"tick", "writing the tick", tick},
    {"settle", "deleting or archiving inputs", settle},
    {"old dead letters", "removing old dead letters", sl_deadletter_limit},
    {0},
};

/* The name of the step that would be next, for hooks of tests. */
static const char *step_name(const struct sl_batch *batch)
{
    const char *name = sl_commit_steps[batch->step].name;
    return name ? name : "done";
}

static void tell_hooks(const struct sl_batch *batch)
{
    const struct sl_run_hooks *hooks = batch->run->hooks;
    if (hooks && hooks->step)
        hooks->step(hooks->arg, batch->t, step_name(batch));
}

int sl_batch_step(struct sl_batch *batch, struct sl_error *err)
{
    const struct sl_commit_step *step = &sl_commit_steps[batch->step];
    if (!step->name)
        return 0;
    batch->run->services.replay = batch->replay;
    tell_hooks(batch);
    int r = sl_memory_limit_check(batch->run, step->run(batch, err), err);
    if (r < 0)
        return r;
    batch->step++;
    if (sl_commit_steps[batch->step].name)
        return 1;
    tell_hooks(batch);
    return 0;
}

const char *sl_batch_step_doing(const struct sl_batch *batch)
{
    sl_assert(sl_commit_steps[batch->step].name); /* a batch that is done does not fail */
    return sl_commit_steps[batch->step].doing;
}
