/* The partitions of all sources are the tasks of one run of the workers, source after source: no worker waits at the end of
 * each. A source that is read elsewhere (engine/batch/executor.h) is read there before them. */
#include "engine/batch/read_sources.h"

#include "core/base/bisect.h"
#include "engine/batch/blame.h"
#include "engine/batch/executor.h"
#include "engine/batch/flow.h"

#include <stdlib.h>

/* A source whose partitions are read. */
struct pass {
    const struct sl_node *node;
    struct sl_source *source;
    struct sl_flow flow;
    uint64_t *lines; /* [partitions] */
    size_t first;    /* task */
};

struct reading {
    struct sl_batch *batch;
    struct pass *pass;
    size_t passes, tasks;
    _Atomic size_t done; /* of the tasks */
};

/* ---- a task ---- */

static int feed(void *arg, size_t partition, struct sl_task *task, struct sl_outlet *out)
{
    struct pass *pass = arg;
    return pass->source->ops->read(pass->source, partition, task, out, &pass->lines[partition]);
}

static int read_partition(void *arg, size_t number, unsigned worker, struct sl_error *err)
{
    struct reading *reading = arg;
    struct sl_run *run = reading->batch->run;
    struct pass *pass =
        &reading->pass[SL_BISECT(i, 0, reading->passes, reading->pass[i].first <= number) - 1];
    struct sl_flow_place place = {.number = number - pass->first,
                                  .partition = (uint32_t)(number - pass->first)};
    if (pass->source->ops->aim)
        place.aim = pass->source->ops->aim(pass->source, place.number);
    if (sl_run_abandoned(run))
        return sl_error_set(err, SL_ESTOP, "the batch was abandoned; it is redone at the next start");
    int r = sl_flow_task(&pass->flow, &place, worker, feed, pass, err);
    if (run->advanced)
        run->advanced(reading->batch, atomic_fetch_add(&reading->done, 1) + 1, reading->tasks);
    return sl_blame_nomem(pass->node, r, err);
}

/* ---- all sources ---- */

static size_t source_number(const struct sl_run *run, const struct sl_source *source)
{
    size_t s = 0;
    while (run->source[s] != source)
        s++;
    return s;
}

/* Its partitions become tasks, unless they are read at once elsewhere, or not wanted. */
static int add_source(struct reading *reading, const struct sl_node *node, struct sl_error *err)
{
    struct sl_batch *batch = reading->batch;
    struct sl_run *run = batch->run;
    struct sl_executor *executor = run->executor;
    struct pass pass = {
        .node = node,
        .source = sl_run_source(run, node),
        .flow = {run, run->pipelines->root[node->number], batch->stage, batch->rows, batch->rows_out},
        .first = reading->tasks,
    };
    size_t s = source_number(run, pass.source);
    batch->partitions[s] = pass.source->ops->partitions(pass.source);
    pass.lines = batch->lines[s] = calloc(batch->partitions[s] + 1, sizeof *pass.lines);
    if (!pass.lines)
        return sl_error_nomem(err);
    if (!sl_flow_is_wanted(&pass.flow) || !batch->partitions[s])
        return 0;
    if (executor && executor->ops->takes(executor, s))
        return executor->ops->read(executor, batch, s, err);
    reading->pass[reading->passes++] = pass;
    reading->tasks += batch->partitions[s];
    return 0;
}

static int add_sources(struct reading *reading, struct sl_error *err)
{
    const struct sl_batch *batch = reading->batch;
    const struct sl_pipelines *pipelines = batch->run->pipelines;
    int r = 0;
    for (size_t n = 0; n < pipelines->nodes && r == 0; n++) {
        const struct sl_node *node = pipelines->node[n];
        if (node->op->kind == SL_OP_SOURCE && batch->said[n])
            r = sl_blame_nomem(node, add_source(reading, node, err), err);
    }
    return r;
}

int sl_batch_read_sources(struct sl_batch *batch, struct sl_error *err)
{
    struct reading reading = {.batch = batch, .pass = calloc(batch->run->sources + 1, sizeof *reading.pass)};
    int r = reading.pass ? add_sources(&reading, err) : sl_error_nomem(err);
    if (r == 0)
        r = sl_pool_run(batch->run->pool, reading.tasks, read_partition, &reading, err);
    free(reading.pass);
    return r;
}
