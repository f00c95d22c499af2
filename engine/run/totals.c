#include "engine/run/totals.h"

#include "engine/batch/batch.h"
#include "engine/run/status.h"

#include <stdlib.h>

static bool make_room(struct sl_totals *totals, const struct sl_run *run)
{
    if (totals->node)
        return true;
    totals->node = calloc(run->pipelines->nodes + 1, sizeof *totals->node);
    totals->last = calloc(run->pipelines->nodes + 1, sizeof *totals->last);
    totals->source = calloc(run->sources + 1, sizeof *totals->source);
    if (totals->node && totals->last && totals->source)
        return true;
    free(totals->node);
    free(totals->last);
    free(totals->source);
    totals->node = totals->last = NULL;
    totals->source = NULL;
    return false;
}

static void add_node(struct sl_totals *totals, const struct sl_batch *batch, size_t n)
{
    const struct sl_run *run = batch->run;
    bool is_source = run->pipelines->node[n]->op->kind == SL_OP_SOURCE;
    struct sl_node_totals *sum = &totals->node[n], *last = &totals->last[n];
    *last = (struct sl_node_totals){
        .in = is_source ? 0 : batch->rows[n],
        .out = is_source ? batch->rows[n] : batch->rows_out[n],
        .rejected = run->rejects.failed[n],
        .late = run->late.failed[n],
    };
    sum->in += last->in;
    sum->out += last->out;
    sum->rejected += last->rejected;
    sum->late += last->late;
}

static void add_files(struct sl_source_totals *sum, const struct sl_files *files)
{
    sum->files += files->count;
    for (size_t i = 0; i < files->count; i++)
        sum->bytes += (uint64_t)files->file[i].size;
}

void sl_totals_add(struct sl_totals *totals, const struct sl_batch *batch, const struct sl_status_batch *last)
{
    const struct sl_batch_plan *plan = &batch->plan;
    sl_metric_times_add(&totals->scheduling, last->scheduling_ms);
    sl_metric_times_add(&totals->processing, last->processing_ms);
    sl_metric_times_add(&totals->total, last->total_ms);
    if (!make_room(totals, batch->run))
        return;
    for (size_t n = 0; n < batch->run->pipelines->nodes; n++)
        add_node(totals, batch, n);
    for (size_t s = 0; s < plan->sources; s++) {
        add_files(&totals->source[s], &plan->files[s]);
        totals->source[s].rejected += batch->run->rejects.by_source[batch->run->source[s]->node->number];
    }
    for (size_t i = 0; i < plan->quarantined_count; i++)
        totals->source[plan->quarantined[i].source].quarantined++;
}

void sl_totals_done(struct sl_totals *totals)
{
    free(totals->node);
    free(totals->last);
    free(totals->source);
}
