#include "engine/trial/dry_run.h"

#include "core/contract/collect.h"
#include "engine/batch/watermarks.h"

#include <stdlib.h>

/* ---- in place of every output ---- */

static const struct sl_wide collector_wide = {
    .state_size = sizeof(struct sl_collect),
    .begin = sl_collect_begin,
    .lane_open = sl_collect_lane_open,
    .push = sl_collect_push,
    .take = sl_collect_take,
    .finish = sl_collect_finish,
    .done = sl_collect_end,
};
static const struct sl_output no_steps = {0};
static const struct sl_op collector_op = {
    .name = "output", .kind = SL_OP_OUTPUT, .wide = &collector_wide, .output = &no_steps};

const struct sl_dataset *sl_dry_run_dataset(const struct sl_batch *batch, const struct sl_node *node)
{
    const struct sl_stage *stage = batch->stage[node->number];
    const struct sl_collect *collect = stage ? stage->state : NULL;
    return collect && stage->emits && stage->said ? collect->result : NULL;
}

/* ---- the batches ---- */

static int run_batch(struct sl_run *run, struct sl_batch *batch, struct sl_error *err)
{
    static const struct sl_limits no_limits = {UINT64_MAX, UINT64_MAX, UINT64_MAX, false, false};
    int r = sl_batch_take(batch, &no_limits, err);
    if (r == 0 && sl_batch_wanted(batch)) {
        r = sl_batch_execute(batch, err);
        run->batches++;
        run->committed++;
    }
    return r == 0 ? run->trial->seen(run->trial, batch, err) : r;
}

/* Batch number k. */
static int run_at(struct sl_run *run, size_t k, int64_t t, bool finishes, struct sl_error *err)
{
    struct sl_batch *batch;
    run->virtual_clock.now_ms = t;
    run->trial->given.batch = k;
    int r = sl_batch_new(run, t, &batch, err);
    if (r < 0)
        return r;
    batch->finishes = finishes;
    sl_rejects_reset(&run->rejects); /* a batch that has nothing to do does not */
    sl_rejects_reset(&run->late);
    r = run_batch(run, batch, err);
    sl_batch_free(batch);
    return r;
}

/* Ends event time after the batch of last_ms, as a run with --finish does (engine/run/schedule.c), here with a batch, too, where
 * no record has a time. What lies between are batches of streams of a longer slide. */
static int finish(struct sl_run *run, int64_t last_ms, struct sl_error *err)
{
    struct sl_dry_run *trial = run->trial;
    int64_t interval = run->context->options.interval_ms, t = last_ms;
    int64_t end = sl_watermarks_end(run, last_ms, t + interval);
    int r = 0;
    for (end = end == SL_NO_TIME ? t + interval : end; r == 0 && end != SL_NO_TIME;
         end = sl_watermarks_end(run, last_ms, t + interval)) {
        for (t = sl_watermarks_slide(run, t); r == 0 && t < end; t = sl_watermarks_slide(run, t))
            r = run_at(run, trial->batches++, t, false, err);
        t = end;
        r = r < 0 ? r : run_at(run, trial->batches++, t, true, err);
    }
    return r;
}

int sl_dry_run_schedule(struct sl_run *run, struct sl_error *err)
{
    struct sl_dry_run *trial = run->trial;
    int64_t interval = run->context->options.interval_ms, t = trial->first_ms - interval;
    int r = 0;
    for (size_t k = 0; k < trial->batches && r == 0; k++)
        r = run_at(run, k, t += interval, false, err);
    return r == 0 && trial->finishes ? finish(run, t, err) : r;
}

/* ---- the run ---- */

void sl_dry_run_set_options(struct sl_options *options)
{
    options->no_checkpoint = true;
    options->workers = 1;
    options->on_record_error = SL_ON_ERROR_DEADLETTER;
    options->error_rate_max = 1;
}

int sl_dry_run_open(struct sl_run *run, struct sl_error *err)
{
    struct sl_context *context = run->context;
    run->trial->output_op = calloc(context->nodes + 1, sizeof(const struct sl_op *));
    if (!run->trial->output_op)
        return sl_error_nomem(err);
    for (size_t n = 0; n < context->nodes; n++) {
        struct sl_node *node = &context->stream[n]->node;
        if (node->op->kind != SL_OP_OUTPUT)
            continue;
        run->trial->output_op[n] = node->op;
        node->op = &collector_op;
    }
    return 0;
}

void sl_dry_run_close(struct sl_context *context, struct sl_dry_run *trial)
{
    for (size_t n = 0; trial->output_op && n < context->nodes; n++)
        if (trial->output_op[n])
            context->stream[n]->node.op = trial->output_op[n];
    free(trial->output_op);
    trial->output_op = NULL;
}
