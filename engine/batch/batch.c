#include "engine/batch/batch.h"

#include "core/base/clock.h"
#include "engine/batch/blame.h"
#include "engine/batch/counters.h"
#include "engine/batch/error_rate.h"
#include "engine/batch/executor.h"
#include "engine/batch/flow.h"
#include "engine/batch/observer.h"
#include "engine/batch/quarantine.h"
#include "engine/batch/stage.h"

#include <stdlib.h>
#include <string.h>

/* ---- making ---- */

static bool is_stage(const struct sl_node *node)
{
    return node->op->kind == SL_OP_WIDE || node->op->kind == SL_OP_OUTPUT || node->op->wide;
}

int sl_batch_new(struct sl_run *run, int64_t t, struct sl_batch **ret, struct sl_error *err)
{
    size_t nodes = run->pipelines->nodes, sources = run->sources;
    struct sl_batch *batch = calloc(1, sizeof *batch);
    if (!batch)
        return sl_error_nomem(err);
    batch->run = run;
    batch->t = t;
    batch->watermark = calloc(nodes + 1, sizeof *batch->watermark);
    batch->said = calloc(nodes + 1, sizeof *batch->said);
    batch->brings = calloc(nodes + 1, sizeof *batch->brings);
    batch->stage = calloc(nodes + 1, sizeof *batch->stage);
    batch->rows = calloc(nodes + 1, sizeof *batch->rows);
    batch->rows_out = calloc(nodes + 1, sizeof *batch->rows_out);
    batch->manifest = calloc(nodes + 1, sizeof *batch->manifest);
    batch->lines = calloc(sources + 1, sizeof *batch->lines);
    batch->partitions = calloc(sources + 1, sizeof *batch->partitions);
    batch->plan = (struct sl_batch_plan){
        .batch_ms = t, .number = run->batches, .sources = sources, .job = run->job_text};
    batch->plan.files = calloc(sources + 1, sizeof *batch->plan.files);
    batch->plan.range = calloc(sources + 1, sizeof *batch->plan.range);
    if (!batch->watermark || !batch->said || !batch->brings || !batch->stage || !batch->rows ||
        !batch->rows_out || !batch->manifest || !batch->lines || !batch->partitions || !batch->plan.files ||
        !batch->plan.range) {
        sl_batch_free(batch);
        return sl_error_nomem(err);
    }
    *ret = batch;
    return 0;
}

void sl_batch_free(struct sl_batch *batch)
{
    if (!batch)
        return;
    for (size_t n = 0; n < batch->run->pipelines->nodes; n++) {
        if (batch->stage)
            sl_stage_free(batch->stage[n]);
        if (batch->manifest)
            sl_manifest_done(&batch->manifest[n]);
    }
    for (size_t s = 0; batch->lines && s < batch->run->sources; s++)
        free(batch->lines[s]);
    sl_batch_plan_done(&batch->plan);
    sl_files_done(&batch->first_files);
    sl_buf_done(&batch->report);
    free(batch->watermark);
    free(batch->said);
    free(batch->brings);
    free(batch->stage);
    free(batch->rows);
    free(batch->rows_out);
    free(batch->manifest);
    free(batch->lines);
    free(batch->partitions);
    free(batch);
}

/* Whether the inputs of the node have a dataset at this time: all have one slide. */
static bool is_due(const struct sl_batch *batch, const struct sl_node *node)
{
    return !node->inputs || batch->t % node->input[0]->slide_ms == 0;
}

bool sl_batch_wanted(const struct sl_batch *batch)
{
    const struct sl_pipelines *pipelines = batch->run->pipelines;
    for (size_t n = 0; n < pipelines->nodes; n++) {
        const struct sl_node *node = pipelines->node[n];
        const struct sl_wide *wide = node->op->wide;
        const void *memory = batch->run->memory[n];
        if (batch->said[n] ||
            (wide && wide->wants && pipelines->used[n] && wide->wants(node, memory, batch->t)) ||
            (wide && wide->due && pipelines->used[n] && is_due(batch, node) &&
             wide->due(node, memory, batch->watermark[n])))
            return true;
    }
    return batch->run->services.empty_batches || batch->finishes;
}

/* ---- stages ---- */

static bool input_said(const struct sl_batch *batch, const struct sl_node *node)
{
    for (unsigned i = 0; i < node->inputs; i++)
        if (batch->said[node->input[i]->number])
            return true;
    return false;
}

/* Several operators may see the late records of one eventWindow: the first of them counts. */
static bool reports_late(const struct sl_batch *batch, const struct sl_node *node)
{
    const struct sl_node *input = node->inputs ? node->input[0] : NULL;
    for (size_t n = 0; input && n < node->number; n++) {
        const struct sl_node *other = batch->run->pipelines->node[n];
        if (other->inputs && other->input[0] == input && batch->stage[n])
            return false;
    }
    return true;
}

/* Operators say of memory that it ran out, not where. */
static int name_nomem(const struct sl_node *node, int r, struct sl_error *err)
{
    return r == SL_ENOMEM ? sl_error_set(err, SL_ENOMEM, "%s:%d: %s: out of memory", node->site.file,
                                         node->site.line, node->site.name)
                          : r;
}

static int begin_stages(struct sl_batch *batch, struct sl_error *err)
{
    const struct sl_pipelines *pipelines = batch->run->pipelines;
    for (size_t n = 0; n < pipelines->nodes; n++) {
        const struct sl_node *node = pipelines->node[n];
        int r = pipelines->used[n] && is_stage(node) && is_due(batch, node)
                    ? sl_stage_new(batch->run, node, batch->t, &batch->stage[n], err)
                    : 0;
        if (r < 0)
            return name_nomem(node, r, err);
        if (batch->stage[n]) {
            batch->stage[n]->watermark_ms = batch->watermark[n];
            batch->stage[n]->reports_late = reports_late(batch, node);
        }
    }
    return 0;
}

/* The dataset of a wide operator, NULL where it has none in this batch. */
static int stage_finish(struct sl_batch *batch, const struct sl_node *node, struct sl_dataset **ret,
                        struct sl_error *err)
{
    struct sl_stage *stage = batch->stage[node->number];
    *ret = NULL;
    if (!stage)
        return 0;
    stage->err = err;
    for (unsigned w = 0; w < sl_pool_workers(batch->run->pool); w++)
        batch->run->task[w].event_ms = SL_NO_TIME;
    stage->has_input = stage->said = input_said(batch, node);
    if (!stage->has_input && !stage->memory)
        return 0;
    struct sl_executor *executor = batch->run->executor;
    int r = executor && executor->ops->finishes(executor, node)
                ? executor->ops->finish(executor, batch, node, ret, err)
                : node->op->wide->finish(stage, ret);
    batch->said[node->number] = stage->said && stage->emits;
    return r < 0 ? sl_blame(node, r, err) : 0;
}

/* ---- tasks ---- */

/* Rows [from, to) of a partition. */
struct piece {
    struct sl_flow_place place;
    uint64_t from, to;
};

struct pass {
    struct sl_batch *batch;
    struct sl_flow flow;
    struct sl_source *source;   /* or */
    struct sl_dataset *dataset; /* of the root */
    struct piece *piece;        /* of the dataset, one for each task */
    uint64_t *lines;            /* [partitions] */
    size_t tasks;               /* of the source */
    _Atomic size_t done;        /* of these */
};

/* The rows of a dataset, with scratch memory reset before each chunk as sources do. */
struct dataset_feed {
    struct sl_outlet outlet;
    struct sl_outlet *out;
    struct sl_task *task;
};

static int pass_chunk(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    struct dataset_feed *feed = (struct dataset_feed *)outlet;
    sl_arena_reset(feed->task->scratch);
    if (atomic_load_explicit(feed->task->stop, memory_order_relaxed))
        return SL_ESTOP;
    return feed->out->push(feed->out, chunk);
}

static int feed_dataset(void *arg, size_t number, struct sl_task *task, struct sl_outlet *out)
{
    struct pass *pass = arg;
    const struct piece *piece = &pass->piece[number];
    struct dataset_feed feed = {{pass_chunk}, out, task};
    return sl_dataset_push(pass->dataset, piece->place.partition, piece->from, piece->to, &feed.outlet);
}

static int feed_source(void *arg, size_t partition, struct sl_task *task, struct sl_outlet *out)
{
    struct pass *pass = arg;
    return pass->source->ops->read(pass->source, partition, task, out, &pass->lines[partition]);
}

static int run_task(void *arg, size_t number, unsigned worker, struct sl_error *err)
{
    struct pass *pass = arg;
    struct sl_flow_place partition = {.number = number, .partition = (uint32_t)number};
    if (pass->source && pass->source->ops->aim)
        partition.aim = pass->source->ops->aim(pass->source, number);
    if (sl_run_abandoned(pass->batch->run))
        return sl_error_set(err, SL_ESTOP, "the batch was abandoned; it is redone at the next start");
    if (!pass->source)
        return sl_flow_task(&pass->flow, &pass->piece[number].place, worker, feed_dataset, pass, err);
    int r = sl_flow_task(&pass->flow, &partition, worker, feed_source, pass, err);
    if (pass->batch->run->advanced)
        pass->batch->run->advanced(pass->batch, atomic_fetch_add(&pass->done, 1) + 1, pass->tasks);
    return r;
}

/* ---- pieces of datasets ---- */

/* A constant, so that results do not depend on the workers; about what is worth a task. */
enum { PIECE_ROWS = 16 * SL_CHUNK_ROWS };

/* An empty partition is a piece, too. */
static size_t count_pieces(const struct sl_dataset *dataset, size_t partition, bool cut)
{
    uint64_t count = dataset->partition[partition].count;
    return cut && count ? (size_t)((count + PIECE_ROWS - 1) / PIECE_ROWS) : 1;
}

static struct piece *list_pieces(const struct pass *pass, bool cut, size_t *ret_count)
{
    const struct sl_dataset *dataset = pass->dataset;
    size_t count = 0, number = 0;
    for (size_t p = 0; p < dataset->partitions; p++)
        count += count_pieces(dataset, p, cut);
    struct piece *list = calloc(count + 1, sizeof *list);
    for (size_t p = 0; list && p < dataset->partitions; p++) {
        size_t pieces = count_pieces(dataset, p, cut);
        for (size_t i = 0; i < pieces; i++, number++) {
            list[number].place = (struct sl_flow_place){number, (uint32_t)p, (uint32_t)i, NULL};
            list[number].from = (uint64_t)i * PIECE_ROWS;
            list[number].to = i + 1 < pieces ? list[number].from + PIECE_ROWS : UINT64_MAX;
        }
    }
    *ret_count = count;
    return list;
}

static int run_pieces(struct pass *pass, struct sl_error *err)
{
    size_t count;
    if (!sl_flow_is_wanted(&pass->flow))
        return 0;
    pass->piece = list_pieces(pass, sl_flow_takes_pieces(&pass->flow), &count);
    int r =
        pass->piece ? sl_pool_run(pass->batch->run->pool, count, run_task, pass, err) : sl_error_nomem(err);
    free(pass->piece);
    return r;
}

/* Sinks directly below a dataset may take it whole; they then need no rows. */
static bool takes_whole(const struct pass *pass, const struct sl_pipe *pipe)
{
    const struct sl_node *node = pipe->node;
    return pipe->sink && pass->batch->stage[node->number] && node->op->wide->take &&
           pass->batch->run->pipelines->paths[node->number][pipe->input] == 1;
}

/* The rows of a deferred dataset are made when they are first read. */
static int resolve(const struct pass *pass, struct sl_error *err)
{
    const struct sl_root *root = pass->flow.root;
    bool wanted = false;
    for (size_t i = 0; i < root->top.children && !wanted; i++) {
        const struct sl_pipe *pipe = root->top.child[i];
        bool passes_on = takes_whole(pass, pipe) && pipe->node->op->wide->takes_deferred;
        wanted = !passes_on && sl_flow_wants(&pass->flow, pipe);
    }
    return wanted && sl_dataset_resolve(pass->dataset, pass->batch->run->pool) < 0 ? sl_error_nomem(err) : 0;
}

static int hand_over(struct pass *pass, bool *taken)
{
    const struct sl_root *root = pass->flow.root;
    for (size_t i = 0; i < root->top.children; i++) {
        const struct sl_pipe *pipe = root->top.child[i];
        const struct sl_node *node = pipe->node;
        struct sl_stage *stage = pipe->sink ? pass->batch->stage[node->number] : NULL;
        taken[i] = takes_whole(pass, pipe);
        int r = taken[i] ? node->op->wide->take(stage, pipe->input, pass->dataset) : 0;
        if (r < 0)
            return r;
        if (taken[i])
            atomic_fetch_add(&pass->batch->rows[node->number], pass->dataset->count);
    }
    return 0;
}

static int run_dataset(struct pass *pass, struct sl_error *err)
{
    const struct sl_root *root = pass->flow.root;
    bool *taken = calloc(root->top.children + 1, sizeof *taken);
    struct sl_pipe **rest = calloc(root->top.children + 1, sizeof(struct sl_pipe *));
    struct sl_root pushed = *root;
    int r = taken && rest ? resolve(pass, err) : sl_error_nomem(err);
    if (r == 0)
        r = hand_over(pass, taken);
    pushed.top.children = 0;
    pushed.top.child = rest;
    for (size_t i = 0; r == 0 && i < root->top.children; i++)
        if (!taken[i])
            rest[pushed.top.children++] = root->top.child[i];
    pass->flow.root = &pushed;
    r = r < 0 ? r : run_pieces(pass, err);
    pass->flow.root = root;
    pass->batch->rows_out[root->node->number] = pass->dataset->count;
    free(taken);
    free(rest);
    return r;
}

static size_t source_number(const struct sl_run *run, const struct sl_source *source)
{
    size_t s = 0;
    while (run->source[s] != source)
        s++;
    return s;
}

static int run_source(struct pass *pass, struct sl_error *err)
{
    struct sl_batch *batch = pass->batch;
    size_t s = source_number(batch->run, pass->source);
    batch->partitions[s] = pass->source->ops->partitions(pass->source);
    pass->lines = batch->lines[s] = calloc(batch->partitions[s] + 1, sizeof *pass->lines);
    if (!pass->lines)
        return sl_error_nomem(err);
    pass->tasks = batch->partitions[s];
    if (!sl_flow_is_wanted(&pass->flow))
        return 0;
    struct sl_executor *executor = batch->run->executor;
    if (executor && executor->ops->takes(executor, s))
        return executor->ops->read(executor, batch, s, err);
    return sl_pool_run(batch->run->pool, batch->partitions[s], run_task, pass, err);
}

/* Runs everything below node n, which is a root, and releases its dataset. */
static int run_root(struct sl_batch *batch, const struct sl_node *node, struct sl_dataset *dataset,
                    struct sl_error *err)
{
    struct sl_run *run = batch->run;
    struct pass pass = {
        .batch = batch,
        .flow = {run, run->pipelines->root[node->number], batch->stage, batch->rows, batch->rows_out},
        .dataset = dataset,
    };
    if (node->op->kind != SL_OP_SOURCE)
        return dataset ? run_dataset(&pass, err) : 0;
    pass.source = sl_run_source(run, node);
    return run_source(&pass, err);
}

static int run_node(struct sl_batch *batch, const struct sl_node *node, struct sl_error *err)
{
    struct sl_dataset *dataset = NULL;
    int r = 0;
    switch (node->op->kind) {
    case SL_OP_SOURCE:
        return batch->said[node->number] ? run_root(batch, node, NULL, err) : 0;
    case SL_OP_NARROW:
    case SL_OP_META:
        batch->said[node->number] = input_said(batch, node);
        return batch->stage[node->number] ? node->op->wide->finish(batch->stage[node->number], &dataset) : 0;
    case SL_OP_WIDE:
        r = stage_finish(batch, node, &dataset, err);
        if (r == 0 && dataset && batch->run->observer)
            r = sl_observe_dataset(batch->run->observer, node, dataset);
        if (r == 0 && batch->said[node->number])
            r = run_root(batch, node, dataset, err);
        sl_dataset_unref(dataset);
        return r;
    case SL_OP_OUTPUT:
        return stage_finish(batch, node, &dataset, err);
    }
    sl_assert(!"an operator has no such kind");
}

static int run_nodes(struct sl_batch *batch, bool sources, struct sl_error *err)
{
    const struct sl_pipelines *pipelines = batch->run->pipelines;
    int r = 0;
    for (size_t n = 0; n < pipelines->nodes && r == 0; n++) {
        const struct sl_node *node = pipelines->node[n];
        if ((node->op->kind == SL_OP_SOURCE) != sources)
            continue;
        r = name_nomem(node, run_node(batch, node, err), err);
    }
    return r;
}

void sl_batch_start_over(struct sl_batch *batch)
{
    struct sl_run *run = batch->run;
    sl_rejects_reset(&run->rejects);
    sl_counters_reset(run);
    sl_rejects_reset(&run->late);
    run->rejects.watermark = batch->watermark;
    for (unsigned w = 0; w < sl_pool_workers(run->pool); w++)
        run->task[w].attempt++;
    for (size_t n = 0; n < run->pipelines->nodes; n++) {
        sl_stage_free(batch->stage[n]);
        batch->stage[n] = NULL;
        batch->rows[n] = batch->rows_out[n] = 0;
    }
    for (size_t s = 0; s < run->sources; s++) {
        free(batch->lines[s]);
        batch->lines[s] = NULL;
    }
}

static int begin_elsewhere(struct sl_batch *batch, struct sl_error *err)
{
    struct sl_executor *executor = batch->run->executor;
    return executor ? executor->ops->begin(executor, batch, err) : 0;
}

/* Rows of a file that turns out damaged must not stay: all sources are read, without such files once more if
 * need be, before any operator finishes and changes what it keeps. */
static int read_sources(struct sl_batch *batch, struct sl_error *err)
{
    int r;
    do {
        sl_batch_start_over(batch);
        r = begin_stages(batch, err);
        r = r < 0 ? r : begin_elsewhere(batch, err);
        r = r < 0 ? r : run_nodes(batch, true, err);
        r = r < 0 ? r : sl_error_rate_files(batch, err);
    } while (r == 0 && sl_quarantine_redo(batch));
    r = r < 0 ? r : sl_error_rate_batch(batch, err);
    return r < 0 ? r : sl_quarantine_note(batch, err);
}

int sl_batch_execute(struct sl_batch *batch, struct sl_error *err)
{
    struct sl_run *run = batch->run;
    for (unsigned w = 0; w < sl_pool_workers(run->pool); w++) {
        run->task[w].batch_ms = batch->t;
        run->task[w].replay = batch->replay;
    }
    int r = read_sources(batch, err);
    r = r < 0 ? r : run_nodes(batch, false, err);
    if (run->executor)
        run->executor->ops->end(run->executor, batch);
    if (r < 0)
        return r;
    return sl_error_rate_operators(&run->rejects, (const uint64_t *)batch->rows,
                                   run->context->options.error_rate_max, err);
}
