/* A map task: a partition of a source through the narrow operators below it. */
#include "core/base/error.h"
#include "core/contract/site.h"
#include "engine/batch/flow.h"
#include "engine/batch/stage.h"
#include "engine/remote/report.h"
#include "engine/remote/worker_internal.h"
#include "text/block.h"

#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

static int open_source(struct sl_worker_process *process, struct sl_source **ret, struct sl_error *err)
{
    const struct sl_node *node = process->run.pipelines->node[process->task->node];
    struct sl_source **source = &process->source[node->number];
    if (!*source) {
        int r = node->op->source->open(node, &process->run.services, source, err);
        if (r < 0)
            return sl_site_wrap(&node->site, err);
        (*source)->key = "";
    }
    *ret = *source;
    return 0;
}

/* The source has one file, of which the partition is a part. */
static int read_file(struct sl_worker_process *process, struct sl_task *task, struct sl_outlet *out)
{
    const struct sl_remote_task *wanted = process->task;
    struct sl_source *source;
    struct sl_files plan = {.file = (struct sl_file *)&wanted->file, .count = 1};
    int r = open_source(process, &source, task->err);
    r = r < 0 ? r : source->ops->resume(source, wanted->batch_ms, &plan, task->err);
    if (r == 0 && wanted->part >= source->ops->partitions(source))
        r = sl_error_set(task->err, SL_EDAMAGED, "a task names a part that the file does not have");
    if (r < 0)
        return r;
    r = source->ops->read(source, wanted->part, task, out, &process->lines);
    source->ops->found(source, wanted->part, &process->found);
    return r;
}

static int read_range(struct sl_worker_process *process, struct sl_task *task, struct sl_outlet *out)
{
    struct sl_source *source;
    int r = open_source(process, &source, task->err);
    if (r == 0 && !source->ops->adopt)
        r = sl_error_set(task->err, SL_EUSAGE, "a task has a range of %s, which has none",
                         source->node->op->name);
    r = r < 0 ? r : source->ops->adopt(source, &process->task->bytes, task->err);
    if (r < 0)
        return r;
    r = source->ops->read(source, 0, task, out, &process->lines);
    source->ops->found(source, 0, &process->found);
    return r;
}

static int read_rows(struct sl_worker_process *process, struct sl_task *task, struct sl_outlet *out)
{
    const struct sl_field *block = &process->task->bytes;
    SL_CLEANUP(sl_buf_done) struct sl_buf bytes = {0};
    struct sl_chunk chunk;
    int r = sl_block_unpack(&bytes, block->str, block->len);
    struct sl_wire wire = {bytes.bytes, bytes.len, 0, task->scratch, r};
    while (r == 0 && sl_wire_chunk(&wire, NULL, &chunk)) {
        r = out->push(out, &chunk);
        sl_arena_reset(task->scratch);
    }
    r = r < 0 ? r : wire.failed;
    return r == SL_EDAMAGED ? sl_error_set(task->err, r, "the rows of a task are damaged") : r;
}

static int feed(void *arg, size_t number, struct sl_task *task, struct sl_outlet *out)
{
    struct sl_worker_process *process = arg;
    (void)number;
    switch (process->task->input) {
    case SL_TASK_FILE:
        return read_file(process, task, out);
    case SL_TASK_ROWS:
        return read_rows(process, task, out);
    case SL_TASK_RANGE:
        return read_range(process, task, out);
    }
    return SL_EDAMAGED;
}

/* ---- stages: as a batch begins them, for the sinks of this source ---- */

/* Outputs that refuse no rows are not begun: what they need outside is the driver's. */
static bool is_bare(const struct sl_node *node)
{
    return node->op->kind == SL_OP_OUTPUT && !node->op->output->refuse;
}

static int begin_stage(struct sl_worker_process *process, const struct sl_node *node, struct sl_error *err)
{
    struct sl_stage **stage = &process->stage[node->number];
    if (!is_bare(node))
        return sl_stage_new(&process->run, node, process->task->batch_ms, stage, err);
    *stage = calloc(1, sizeof **stage);
    if (!*stage)
        return sl_error_nomem(err);
    **stage = (struct sl_stage){.node = node, .services = &process->run.services, .err = err};
    return 0;
}

static int begin_stages(struct sl_worker_process *process, struct sl_error *err)
{
    const struct sl_pipelines *pipelines = process->run.pipelines;
    const struct sl_remote_task *task = process->task;
    int r = 0;
    for (size_t i = 0; i < task->sinks && r == 0; i++) {
        unsigned n = task->sink[i].node;
        const struct sl_wide *wide = n < pipelines->nodes ? pipelines->node[n]->op->wide : NULL;
        if (!wide || process->stage[n] || (task->sink[i].by_key && !wide->partial))
            return sl_error_set(err, SL_EDAMAGED, "a task names an operator that takes no rows");
        r = begin_stage(process, pipelines->node[n], err);
    }
    return r;
}

static void end_stages(struct sl_worker_process *process)
{
    for (size_t n = 0; n < process->run.pipelines->nodes; n++) {
        if (process->stage[n] && is_bare(process->stage[n]->node))
            free(process->stage[n]);
        else
            sl_stage_free(process->stage[n]);
        process->stage[n] = NULL;
        process->rows[n] = process->rows_out[n] = 0;
    }
}

/* ---- what sinks got ---- */

static int append_row(void *arg, const struct sl_field row[SL_PARTIAL_FIELDS])
{
    return sl_wire_put_row(arg, row, SL_PARTIAL_FIELDS) ? 0 : SL_ENOMEM;
}

static int emit(struct sl_worker_process *process, struct sl_capture *capture, sl_partial_row *row, void *arg)
{
    struct sl_stage *stage = process->stage[capture->node->number];
    return capture->node->op->wide->partial->emit(stage, &capture->lane, row, arg);
}

/* For the driver. */
static int add_result(struct sl_worker_process *process, struct sl_capture *capture,
                      struct sl_results *results)
{
    bool is_partial = capture->node->op->wide->partial != NULL;
    int r = is_partial ? emit(process, capture, append_row, &capture->rows) : 0;
    if (r == 0 && !sl_results_add(results, capture->node, &capture->lane.position,
                                  is_partial ? SL_SECTION_PARTIAL : SL_SECTION_ROWS, &capture->rows))
        r = SL_ENOMEM;
    return r;
}

struct cutting {
    struct sl_buf *part; /* [partitions] */
    size_t partitions;
};

static int cut_row(void *arg, const struct sl_field row[SL_PARTIAL_FIELDS])
{
    const struct cutting *cutting = arg;
    size_t p = sl_field_partition_hash(&row[0]) % cutting->partitions;
    return append_row(&cutting->part[p], row);
}

static void add_section(struct sl_buf *block, const struct sl_capture *capture, const struct sl_buf *rows)
{
    const struct sl_position *position = &capture->lane.position;
    sl_wire_put_integer(block, position->input);
    sl_wire_put_integer(block, position->path);
    sl_wire_put_integer(block, position->partition);
    sl_wire_put_bytes(block, rows->bytes, rows->len);
}

static void begin_block(const struct sl_worker_process *process, const struct sl_node *node, size_t partition,
                        struct sl_buf *block)
{
    sl_wire_put_integer(block, process->task->stage);
    sl_wire_put_integer(block, process->task->number);
    sl_wire_put_integer(block, node->number);
    sl_wire_put_integer(block, (int64_t)partition);
}

/* What a lane has for each partition joins the partition's block. */
static int cut_capture(struct sl_worker_process *process, struct sl_capture *capture, struct sl_buf *block,
                       const struct cutting *cutting)
{
    int r = emit(process, capture, cut_row, (void *)cutting);
    for (size_t p = 0; r == 0 && p < cutting->partitions; p++) {
        struct sl_buf *rows = &cutting->part[p];
        if (rows->len) {
            if (!block[p].len)
                begin_block(process, capture->node, p, &block[p]);
            add_section(&block[p], capture, rows);
        }
        sl_buf_clear(rows);
        r = block[p].failed ? SL_ENOMEM : 0;
    }
    return r;
}

static int send_block(struct sl_worker_process *process, const struct sl_node *node, size_t partition,
                      const struct sl_buf *bytes, struct sl_buf *list, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf head = {0};
    SL_CLEANUP(sl_buf_done) struct sl_buf block = {0};
    const struct sl_remote_task *task = process->task;
    if (!sl_block_pack(&block, bytes->bytes, bytes->len) ||
        !sl_buf_printf(&head,
                       "{\"type\":\"block\",\"stage\":%lld,\"task\":%lld,\"node\":%u,\"partition\":%zu}",
                       (long long)task->stage, (long long)task->number, node->number, partition) ||
        !sl_wire_put_integer(list, node->number) || !sl_wire_put_integer(list, (int64_t)partition) ||
        !sl_wire_put_integer(list, (int64_t)sl_block_check(block.bytes)))
        return sl_error_nomem(err);
    process->blocks++;
    return sl_peer_send(&process->peer, &head, block.bytes, block.len, err);
}

/* The blocks of one operator. */
static int send_blocks(struct sl_worker_process *process, const struct sl_node *node, struct sl_buf *list,
                       struct sl_error *err)
{
    size_t partitions = (size_t)process->task->partitions;
    struct sl_buf *bufs = calloc(2 * partitions, sizeof *bufs), *block = bufs;
    struct cutting cutting = {bufs ? bufs + partitions : NULL, partitions};
    int r = bufs ? 0 : sl_error_nomem(err);
    for (struct sl_capture *at = process->first; r == 0 && at; at = at->next)
        if (at->node == node)
            r = cut_capture(process, at, block, &cutting);
    for (size_t p = 0; r == 0 && p < partitions; p++)
        if (block[p].len)
            r = send_block(process, node, p, &block[p], list, err);
    for (size_t p = 0; bufs && p < 2 * partitions; p++)
        sl_buf_done(&bufs[p]);
    free(bufs);
    return r == SL_ENOMEM ? sl_error_nomem(err) : r;
}

static int put_captures(struct sl_worker_process *process, struct sl_results *results, struct sl_buf *list,
                        struct sl_error *err)
{
    const struct sl_remote_task *task = process->task;
    int r = 0;
    for (struct sl_capture *at = process->first; r == 0 && at; at = at->next)
        if (!at->by_key)
            r = add_result(process, at, results);
    for (size_t i = 0; r == 0 && i < task->sinks; i++)
        if (task->sink[i].by_key)
            r = send_blocks(process, process->run.pipelines->node[task->sink[i].node], list, err);
    return r == SL_ENOMEM ? sl_error_nomem(err) : r;
}

/* Emitting may refuse groups: what was counted is read when all is given out. */
static int put_report(struct sl_worker_process *process, struct sl_buf *report, struct sl_error *err)
{
    SL_CLEANUP(sl_results_done) struct sl_results results = {0};
    SL_CLEANUP(sl_buf_done) struct sl_buf list = {0};
    int r = put_captures(process, &results, &list, err);
    if (r < 0)
        return r;
    sl_report_put_found(report, &process->found);
    sl_wire_put_integer(report, (int64_t)process->lines);
    sl_report_put_counts(report, &process->run, process->rows, process->rows_out);
    r = sl_results_put(process, &results, report, err);
    if (r < 0)
        return r;
    sl_wire_put_integer(report, process->blocks);
    sl_buf_append(report, list.bytes, list.len);
    return report->failed ? sl_error_nomem(err) : 0;
}

int sl_worker_map(struct sl_worker_process *process, struct sl_buf *report, struct sl_error *err)
{
    const struct sl_remote_task *task = process->task;
    struct sl_run *run = &process->run;
    struct sl_flow flow = {run, run->pipelines->root[task->node], process->stage, process->rows,
                           process->rows_out};
    const struct sl_flow_place place = {.number = task->partition, .partition = task->partition};
    process->found = (struct sl_split_found){0};
    process->lines = 0;
    int r = begin_stages(process, err);
    r = r < 0 ? r : sl_flow_task(&flow, &place, 0, feed, process, err);
    run->task[0].err = err;
    r = r < 0 ? r : put_report(process, report, err);
    end_stages(process);
    return r;
}
