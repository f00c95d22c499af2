#include "engine/batch/query.h"

#include "core/base/array.h"
#include "core/contract/collect.h"
#include "core/contract/site.h"
#include "core/contract/source.h"
#include "engine/batch/batch.h"
#include "engine/batch/operator_memory.h"

#include <stdlib.h>
#include <string.h>

struct sl_query {
    struct sl_context *context;
    const struct sl_run *run; /* the run under way */
    size_t datasets, capacity;
    struct sl_dataset **dataset; /* [datasets], references, in the order of their nodes */
};

/* ---- the sources ---- */

struct given {
    struct sl_source source;
    struct sl_dataset *dataset; /* borrowed */
};

static const struct sl_dataset *dataset_of(struct sl_source *source)
{
    return ((struct given *)source)->dataset;
}

static int take(struct sl_source *source, int64_t t, uint64_t batch_number, const struct sl_limits *limits,
                struct sl_files *plan, bool *ret_any, struct sl_error *err)
{
    *ret_any = true;
    return 0;
}

static size_t partitions(struct sl_source *source)
{
    return dataset_of(source)->partitions;
}

/* Scratch memory is reset before each chunk, as sources do. */
struct feed {
    struct sl_outlet outlet; /* first */
    struct sl_outlet *out;
    struct sl_task *task;
};

static int pass_chunk(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    struct feed *feed = (struct feed *)outlet;
    sl_arena_reset(feed->task->scratch);
    if (atomic_load_explicit(feed->task->stop, memory_order_relaxed))
        return SL_ESTOP;
    return feed->out->push(feed->out, chunk);
}

static int read_partition(struct sl_source *source, size_t p, struct sl_task *task, struct sl_outlet *out,
                          uint64_t *ret_lines)
{
    struct feed feed = {{pass_chunk}, out, task};
    *ret_lines = 0;
    return sl_dataset_push(dataset_of(source), p, 0, UINT64_MAX, &feed.outlet);
}

static const struct sl_source_ops given_ops = {
    .take = take, .partitions = partitions, .read = read_partition};
static const struct sl_op given_op = {.name = "rdd", .kind = SL_OP_SOURCE, .source = &given_ops};

/* A table: its rows are looked up where the run under way keeps them. */
static const struct sl_op given_table_op = {
    .name = "table", .kind = SL_OP_SOURCE, .source = &given_ops, .is_table = true};

/* ---- the result ---- */

static const struct sl_wide collector_wide = {
    .state_size = sizeof(struct sl_collect),
    .begin = sl_collect_begin,
    .lane_open = sl_collect_lane_open,
    .lane_close = sl_collect_lane_close,
    .push = sl_collect_push,
    .take = sl_collect_take,
    .takes_pieces = sl_collect_takes_pieces,
    .finish = sl_collect_finish,
    .done = sl_collect_end,
    .bounded = 1,
};
static const struct sl_output no_steps = {0};
static const struct sl_op collector_op = {
    .name = "collect", .kind = SL_OP_OUTPUT, .wide = &collector_wide, .output = &no_steps};

/* ---- the query ---- */

int sl_query_new(const struct sl_services *services, struct sl_query **ret, struct sl_error *err)
{
    struct sl_query *query = calloc(1, sizeof *query);
    if (!query)
        return sl_error_nomem(err);
    query->run = (const struct sl_run *)((const char *)services - offsetof(struct sl_run, services));
    query->context = sl_context_new(query->run->context->name, query->run->context->dir);
    if (!query->context) {
        free(query);
        return sl_error_nomem(err);
    }
    query->context->options = query->run->context->options;
    *ret = query;
    return 0;
}

void sl_query_free(struct sl_query *query)
{
    if (!query)
        return;
    for (size_t i = 0; i < query->datasets; i++)
        sl_dataset_unref(query->dataset[i]);
    free(query->dataset);
    sl_context_free(query->context);
    free(query);
}

struct sl_context *sl_query_context(struct sl_query *query)
{
    return query->context;
}

struct sl_stream *sl_query_dataset(struct sl_query *query, struct sl_dataset *dataset)
{
    struct sl_dataset **grown =
        sl_array_grow(query->dataset, query->datasets, &query->capacity, sizeof *grown);
    if (!grown) {
        sl_context_fail(query->context, SL_ENOMEM, "out of memory");
        return NULL;
    }
    query->dataset = grown;
    query->dataset[query->datasets++] = sl_dataset_ref(dataset);
    return sl_stream_add(query->context, &given_op, NULL, NULL, 0);
}

struct sl_stream *sl_query_table(struct sl_query *query, const struct sl_stream *table)
{
    struct sl_stream *stream = sl_stream_add(query->context, &given_table_op, NULL, NULL, 0);
    if (!stream)
        return NULL;
    stream->node.table = table->node.table;
    stream->node.columns = table->node.columns;
    return stream;
}

/* ---- running it ---- */

/* Fails the query at the first record. */
struct strict_sink {
    struct sl_reject_sink sink; /* first */
    const struct sl_pipelines *pipelines;
};

static int refuse_record(struct sl_reject_sink *sink, struct sl_task *task, unsigned node,
                         const struct sl_field *fields, uint32_t width, const struct sl_origin *origin,
                         uint32_t line)
{
    const struct strict_sink *strict = (const struct strict_sink *)sink;
    const struct sl_node *at = strict->pipelines->node[node];
    return sl_error_set(task->err, SL_EFAIL, "%s:%d: %s: %s", at->site.file, at->site.line, at->op->name,
                        sl_site_strip(&at->site, task->message));
}

static int open_workers(struct sl_run *run, const struct sl_run *outer, struct strict_sink *sink,
                        struct sl_error *err)
{
    unsigned workers = sl_pool_workers(run->pool);
    run->worker = calloc(workers, sizeof *run->worker);
    run->task = calloc(workers, sizeof *run->task);
    if (!run->worker || !run->task)
        return sl_error_nomem(err);
    for (unsigned w = 0; w < workers; w++) {
        run->task[w] = outer->task[w];
        run->task[w].scratch = &run->worker[w].scratch;
        run->task[w].sink = &sink->sink;
        run->task[w].event_ms = SL_NO_TIME;
        run->task[w].err = err;
        run->task[w].counts = NULL; /* functions count for the batch, not for the query */
    }
    run->services.main_task = &run->task[0];
    return 0;
}

static int open_sources(struct sl_run *run, const struct sl_query *query, struct given *given,
                        struct sl_error *err)
{
    run->source = calloc(query->datasets + 1, sizeof(struct sl_source *));
    if (!run->source)
        return sl_error_nomem(err);
    for (size_t n = 0; n < run->pipelines->nodes; n++) {
        const struct sl_node *node = run->pipelines->node[n];
        if (node->op->kind != SL_OP_SOURCE || node->op->is_table)
            continue;
        given[run->sources] = (struct given){{.ops = &given_ops, .node = node}, query->dataset[run->sources]};
        run->source[run->sources] = &given[run->sources].source;
        run->sources++;
    }
    return 0;
}

static void close_run(struct sl_run *run)
{
    sl_operator_memory_close(run);
    for (unsigned w = 0; run->worker && w < sl_pool_workers(run->pool); w++) {
        sl_arena_done(&run->worker[w].scratch);
        sl_arena_done(&run->worker[w].flow);
    }
    free(run->worker);
    free(run->task);
    free(run->source);
    sl_rejects_done(&run->rejects);
    sl_pipelines_free(run->pipelines);
}

static int open_run(struct sl_run *run, const struct sl_query *query, struct given *given,
                    struct strict_sink *sink, struct sl_error *err)
{
    int r = sl_pipelines_new(query->context, &run->pipelines, err);
    *sink = (struct strict_sink){{.reject = refuse_record, .late = refuse_record}, run->pipelines};
    if (r == 0 && sl_rejects_init(&run->rejects, run->pipelines, true) < 0)
        r = sl_error_nomem(err);
    if (r == 0)
        r = open_workers(run, query->run, sink, err);
    if (r == 0)
        r = sl_operator_memory_open(run, err);
    return r < 0 ? r : open_sources(run, query, given, err);
}

static int execute(struct sl_run *run, int64_t t, struct sl_dataset **ret, struct sl_error *err)
{
    static const struct sl_limits no_limits = {UINT64_MAX, UINT64_MAX, UINT64_MAX, false, false};
    struct sl_batch *batch;
    int r = sl_batch_new(run, t, &batch, err);
    if (r < 0)
        return r;
    r = sl_batch_take(batch, &no_limits, err);
    if (r == 0)
        r = sl_batch_execute(batch, err);
    const struct sl_stage *stage = batch->stage[run->pipelines->nodes - 1];
    struct sl_collect *collect = stage ? stage->state : NULL;
    if (r == 0 && collect && collect->result)
        *ret = sl_dataset_ref(collect->result);
    else if (r == 0)
        *ret = sl_dataset_new(1);
    sl_batch_free(batch);
    return r == 0 && !*ret ? sl_error_nomem(err) : r;
}

static int run_with(struct sl_query *query, struct sl_pool *pool, struct sl_dataset **ret,
                    struct sl_error *err)
{
    static const struct sl_run_options options = {.stop_fd = -1};
    struct sl_run run = {.context = query->context,
                         .options = &options,
                         .services = query->run->services,
                         .pool = pool,
                         .wake_fd = -1};
    struct strict_sink sink;
    struct given *given = calloc(query->datasets + 1, sizeof *given);
    int r = given ? open_run(&run, query, given, &sink, err) : sl_error_nomem(err);
    if (r == 0)
        r = execute(&run, query->run->task[0].batch_ms, ret, err);
    close_run(&run);
    free(given);
    return r;
}

int sl_query_run(struct sl_query *query, struct sl_stream *stream, bool alone, struct sl_dataset **ret,
                 struct sl_error *err)
{
    *ret = NULL;
    if (!stream || !sl_stream_add(query->context, &collector_op, stream, NULL, 0)) {
        *err = query->context->error;
        return err->code;
    }
    if (!alone)
        return run_with(query, query->run->pool, ret, err);
    struct sl_pool *pool = sl_pool_new(1, err);
    if (!pool)
        return err->code;
    int r = run_with(query, pool, ret, err);
    sl_pool_free(pool);
    return r;
}
