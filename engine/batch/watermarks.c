#include "engine/batch/watermarks.h"

#include <string.h>

static bool gives_times(const struct sl_node *node)
{
    return node->op->wide && node->op->wide->watermark;
}

static int64_t oldest_input(const struct sl_batch *batch, const struct sl_node *node)
{
    int64_t oldest = node->inputs ? SL_END_OF_TIME : SL_NO_TIME;
    for (unsigned i = 0; i < node->inputs; i++)
        if (!node->input[i]->op->is_table && batch->watermark[node->input[i]->number] < oldest)
            oldest = batch->watermark[node->input[i]->number];
    return oldest;
}

/* Inputs have lower numbers. */
static void pass_on(struct sl_batch *batch)
{
    const struct sl_pipelines *pipelines = batch->run->pipelines;
    for (size_t n = 0; n < pipelines->nodes; n++)
        if (!gives_times(pipelines->node[n]))
            batch->watermark[n] = oldest_input(batch, pipelines->node[n]);
}

struct incoming {
    struct sl_incoming base;
    const struct sl_batch *batch;
};

/* Partitions of the outside, where the source tells them apart: those of which something was taken. Of a time that was
 * missed nothing is known, and no channel counts as idle for it. */
static bool brings(const struct sl_incoming *self, const struct sl_channel *channel)
{
    const struct sl_batch *batch = ((const struct incoming *)self)->batch;
    if (batch->is_missed)
        return true;
    if (channel->root->op->kind != SL_OP_SOURCE || !batch->brings[channel->root->number])
        return false;
    struct sl_source *source = sl_run_source(batch->run, channel->root);
    if (!source->ops->channel)
        return true;
    for (size_t p = 0; p < source->ops->partitions(source); p++)
        if (source->ops->channel(source, p) == channel->number)
            return true;
    return false;
}

void sl_watermarks_find(struct sl_batch *batch)
{
    const struct sl_run *run = batch->run;
    const struct incoming incoming = {{brings}, batch};
    for (size_t n = 0; n < run->pipelines->nodes; n++) {
        const struct sl_node *node = run->pipelines->node[n];
        if (gives_times(node))
            batch->watermark[n] =
                batch->finishes ? SL_END_OF_TIME
                                : node->op->wide->watermark(node, run->memory[n], batch->t, &incoming.base);
    }
    pass_on(batch);
}

int sl_watermarks_plan(struct sl_batch *batch)
{
    const struct sl_run *run = batch->run;
    int r = 0;
    for (size_t n = 0; run->catalog && run->state_key && r == 0 && n < run->pipelines->nodes; n++)
        if (gives_times(run->pipelines->node[n]) && run->state_key[n])
            r = sl_batch_plan_add_watermark(&batch->plan, run->state_key[n], batch->watermark[n]);
    return r;
}

void sl_watermarks_resume(struct sl_batch *batch)
{
    const struct sl_run *run = batch->run;
    const struct sl_batch_plan *plan = &batch->plan;
    sl_watermarks_find(batch);
    for (size_t n = 0; run->state_key && n < run->pipelines->nodes; n++)
        for (size_t i = 0; i < plan->watermarks; i++)
            if (run->state_key[n] && gives_times(run->pipelines->node[n]) &&
                strcmp(plan->watermark[i].op_key, run->state_key[n]) == 0)
                batch->watermark[n] = plan->watermark[i].watermark_ms;
    pass_on(batch);
}

bool sl_watermarks_due(struct sl_run *run, int64_t t)
{
    const struct sl_pipelines *pipelines = run->pipelines;
    struct sl_batch *batch;
    bool due = false;
    if (sl_batch_new(run, t, &batch, NULL) < 0)
        return false;
    sl_watermarks_find(batch);
    for (size_t n = 0; n < pipelines->nodes; n++) {
        const struct sl_node *node = pipelines->node[n];
        const struct sl_wide *wide = node->op->wide;
        due = due || (wide && wide->due && pipelines->used[n] &&
                      wide->due(node, run->memory[n], batch->watermark[n]));
    }
    sl_batch_free(batch);
    return due;
}

static bool is_open(const struct sl_run *run, const struct sl_node *node)
{
    return gives_times(node) && run->pipelines->used[node->number] &&
           node->op->wide->watermark(node, run->memory[node->number], run->last_ms, NULL) != SL_END_OF_TIME;
}

/* A slide after the last data: at the time of the stream before it, which is made up, its window gives what it held. */
static int64_t end_of(const struct sl_node *node, int64_t last_ms, int64_t t)
{
    int64_t passed = last_ms + node->slide_ms;
    int64_t from = passed > t ? passed : t;
    return (from + node->slide_ms - 1) / node->slide_ms * node->slide_ms;
}

int64_t sl_watermarks_slide(const struct sl_run *run, int64_t t)
{
    int64_t first = INT64_MAX;
    for (size_t n = 0; n < run->pipelines->nodes; n++) {
        const struct sl_node *node = run->pipelines->node[n];
        int64_t next = (t / node->slide_ms + 1) * node->slide_ms;
        if (gives_times(node) && run->pipelines->used[n] && node->slide_ms > node->interval_ms &&
            next < first)
            first = next;
    }
    return first;
}

int64_t sl_watermarks_end(const struct sl_run *run, int64_t last_ms, int64_t t)
{
    int64_t last = SL_NO_TIME;
    for (size_t n = 0; n < run->pipelines->nodes; n++) {
        const struct sl_node *node = run->pipelines->node[n];
        int64_t end = is_open(run, node) ? end_of(node, last_ms, t) : SL_NO_TIME;
        last = end > last ? end : last;
    }
    return last;
}
