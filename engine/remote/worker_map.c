/* A map task: partitions of a source through the narrow operators below it, one after the other. What sinks combine of all
 * of them, as far as that does not depend on where they were cut, is one lane's: that of the first. */
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

static bool is_same_file(const struct sl_file *a, const struct sl_file *b)
{
    return a->inode == b->inode && strcmp(a->path, b->path) == 0;
}

/* The files of the splits, each once, in their order. The splits of a file are together. */
static int open_files(struct sl_worker_process *process, struct sl_source *source, struct sl_error *err)
{
    const struct sl_remote_task *task = process->task;
    struct sl_files *files = &process->files;
    for (size_t i = 0; i < task->splits; i++)
        if (!i || !is_same_file(&task->split[i].file, &task->split[i - 1].file))
            files->file[files->count++] = task->split[i].file;
    return source->ops->resume(source, task->batch_ms, files, err);
}

/* Which partition of the source each split is. Both are in the same order. */
static int find_splits(struct sl_worker_process *process, struct sl_source *source, struct sl_error *err)
{
    const struct sl_remote_task *task = process->task;
    size_t found = 0, partitions = source->ops->partitions(source);
    struct sl_split_place place;
    for (size_t p = 0; p < partitions && found < task->splits; p++) {
        const struct sl_task_split *split = &task->split[found];
        if (!source->ops->place(source, p, &place))
            return sl_error_nomem(err);
        if (place.file && place.part == split->part && is_same_file(place.file, &split->file))
            process->number[found++] = p;
    }
    return found == task->splits
               ? 0
               : sl_error_set(err, SL_EDAMAGED, "a task names a part that the file does not have");
}

static int open_splits(struct sl_worker_process *process, struct sl_error *err)
{
    struct sl_source *source;
    if (process->task->input != SL_TASK_FILE)
        return 0;
    int r = open_source(process, &source, err);
    r = r < 0 ? r : open_files(process, source, err);
    return r < 0 ? r : find_splits(process, source, err);
}

static void put_found(struct sl_worker_process *process, const struct sl_split_found *found, uint64_t lines)
{
    sl_report_put_found(&process->found, found);
    sl_wire_put_integer(&process->found, (int64_t)lines);
}

static int read_partition(struct sl_worker_process *process, struct sl_source *source, size_t p,
                          struct sl_task *task, struct sl_outlet *out)
{
    struct sl_split_found found = {0};
    uint64_t lines = 0;
    int r = source->ops->read(source, p, task, out, &lines);
    source->ops->found(source, p, &found);
    put_found(process, &found, lines);
    return r;
}

static int read_file(struct sl_worker_process *process, struct sl_task *task, struct sl_outlet *out)
{
    struct sl_source *source;
    int r = open_source(process, &source, task->err);
    return r < 0 ? r : read_partition(process, source, process->number[process->split], task, out);
}

static int read_range(struct sl_worker_process *process, struct sl_task *task, struct sl_outlet *out)
{
    struct sl_source *source;
    int r = open_source(process, &source, task->err);
    if (r == 0 && !source->ops->adopt)
        r = sl_error_set(task->err, SL_EUSAGE, "a task has a range of %s, which has none",
                         source->node->op->name);
    r = r < 0 ? r : source->ops->adopt(source, &process->task->split[0].bytes, task->err);
    return r < 0 ? r : read_partition(process, source, 0, task, out);
}

static int read_rows(struct sl_worker_process *process, struct sl_task *task, struct sl_outlet *out)
{
    const struct sl_split_found nothing = {0};
    const struct sl_field *block = &process->task->split[0].bytes;
    SL_CLEANUP(sl_buf_done) struct sl_buf bytes = {0};
    struct sl_chunk chunk;
    int r = sl_block_unpack(&bytes, block->str, block->len);
    struct sl_wire wire = {bytes.bytes, bytes.len, 0, task->scratch, r};
    while (r == 0 && sl_wire_chunk(&wire, NULL, &chunk)) {
        r = out->push(out, &chunk);
        sl_arena_reset(task->scratch);
    }
    r = r < 0 ? r : wire.failed;
    put_found(process, &nothing, 0);
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
    capture->lane.task->ordinal = capture->lane.position.partition;
    return capture->node->op->wide->partial->emit(stage, &capture->lane, row, arg);
}

/* For the driver. */
static int add_result(struct sl_worker_process *process, struct sl_capture *capture,
                      struct sl_results *results)
{
    bool is_partial = sl_capture_combines(capture);
    int r = is_partial ? emit(process, capture, append_row, &capture->rows) : 0;
    if (r == 0 && !sl_results_add(results, capture->node, &capture->lane.position,
                                  is_partial ? SL_SECTION_PARTIAL : SL_SECTION_ROWS, &capture->rows))
        r = SL_ENOMEM;
    return r;
}

struct cutting {
    struct sl_buf *part; /* [partitions] */
    size_t partitions;
    int64_t rows; /* of the lane so far */
};

static int cut_row(void *arg, const struct sl_field row[SL_PARTIAL_FIELDS])
{
    struct cutting *cutting = arg;
    size_t p = sl_field_partition_hash(&row[0]) % cutting->partitions;
    cutting->rows++;
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

/* Reduce tasks number the rows of the lanes that follow. */
static void note_lane(struct sl_worker_process *process, const struct sl_capture *capture, int64_t rows)
{
    const struct sl_position *position = &capture->lane.position;
    process->lanes++;
    sl_wire_put_integer(&process->lane, capture->node->number);
    sl_wire_put_integer(&process->lane, position->input);
    sl_wire_put_integer(&process->lane, position->path);
    sl_wire_put_integer(&process->lane, position->partition);
    sl_wire_put_integer(&process->lane, rows);
}

/* What a lane has for each partition joins the partition's block. */
static int cut_capture(struct sl_worker_process *process, struct sl_capture *capture, struct sl_buf *block,
                       struct cutting *cutting)
{
    cutting->rows = 0;
    int r = emit(process, capture, cut_row, cutting);
    if (sl_stages_maps_records(capture->node))
        note_lane(process, capture, cutting->rows);
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
    struct cutting cutting = {bufs ? bufs + partitions : NULL, partitions, 0};
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
    sl_buf_append(report, process->found.bytes, process->found.len);
    sl_report_put_counts(report, &process->run, process->rows, process->rows_out);
    r = sl_results_put(process, &results, report, err);
    if (r < 0)
        return r;
    sl_wire_put_integer(report, process->blocks);
    sl_buf_append(report, list.bytes, list.len);
    sl_wire_put_integer(report, process->lanes);
    sl_buf_append(report, process->lane.bytes, process->lane.len);
    return report->failed ? sl_error_nomem(err) : 0;
}

static int run_splits(struct sl_worker_process *process, struct sl_error *err)
{
    const struct sl_remote_task *task = process->task;
    struct sl_run *run = &process->run;
    struct sl_flow flow = {run, run->pipelines->root[task->node], process->stage, process->rows,
                           process->rows_out};
    int r = 0;
    for (size_t i = 0; i < task->splits && r == 0; i++) {
        uint32_t p = task->split[i].partition;
        const struct sl_flow_place place = {.number = p, .partition = p};
        process->split = i;
        r = sl_flow_task(&flow, &place, 0, feed, process, err);
    }
    return r;
}

int sl_worker_map(struct sl_worker_process *process, struct sl_buf *report, struct sl_error *err)
{
    sl_buf_clear(&process->found);
    sl_buf_clear(&process->lane);
    process->lanes = 0;
    process->files = (struct sl_files){.file = calloc(process->task->splits, sizeof(struct sl_file))};
    process->number = calloc(process->task->splits, sizeof *process->number);
    int r = process->files.file && process->number ? open_splits(process, err) : sl_error_nomem(err);
    r = r < 0 ? r : begin_stages(process, err);
    r = r < 0 ? r : run_splits(process, err);
    process->run.task[0].err = err;
    r = r < 0 ? r : put_report(process, report, err);
    end_stages(process);
    free(process->files.file);
    free(process->number);
    process->files = (struct sl_files){0};
    process->number = NULL;
    return r;
}
