/* In the place of a sink: what the operator itself combines of the rows, where it can give that out (struct sl_partial),
 * else the rows. The operator's own push sees them in any case, for it knows which of them are record errors, and those
 * belong to the task that has the file. */
#include "core/base/error.h"
#include "core/contract/collect.h"
#include "engine/remote/worker_internal.h"

#include <stdlib.h>
#include <string.h>

static struct sl_worker_process *process_of(const struct sl_stage *stage)
{
    const char *services = (const char *)stage->services;
    return (struct sl_worker_process *)(services - offsetof(struct sl_run, services));
}

static bool is_by_key(const struct sl_worker_process *process, unsigned node)
{
    for (size_t i = 0; i < process->task->sinks; i++)
        if (process->task->sink[i].node == node)
            return process->task->sink[i].by_key;
    return false;
}

/* Rows that it keeps anyway need not be kept twice. */
static bool may_refuse(const struct sl_op *op)
{
    return op->kind == SL_OP_OUTPUT ? op->output->refuse != NULL : op->wide->push != sl_collect_push;
}

/* Records that go to the driver go there as they are. */
bool sl_capture_combines(const struct sl_capture *capture)
{
    return capture->node->op->wide->partial && (capture->by_key || !sl_stages_maps_records(capture->node));
}

static int lane_open(struct sl_stage *stage, struct sl_lane *lane)
{
    struct sl_worker_process *process = process_of(stage);
    const struct sl_op *op = stage->node->op;
    struct sl_capture *capture = calloc(1, sizeof *capture);
    if (!capture)
        return SL_ENOMEM;
    capture->lane = (struct sl_lane){.position = lane->position, .task = lane->task};
    capture->node = stage->node;
    capture->by_key = is_by_key(process, stage->node->number);
    *process->last = capture;
    process->last = &capture->next;
    lane->state = capture;
    bool is_needed = sl_capture_combines(capture) || (op->kind != SL_OP_OUTPUT && may_refuse(op));
    return is_needed && op->wide->lane_open ? op->wide->lane_open(stage, &capture->lane) : 0;
}

static int push(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in)
{
    struct sl_capture *capture = lane->state;
    const struct sl_op *op = stage->node->op;
    int r = 0;
    if (sl_capture_combines(capture))
        return op->wide->push(stage, &capture->lane, in);
    if (may_refuse(op))
        r = op->kind == SL_OP_OUTPUT ? op->output->refuse(stage, &capture->lane, in)
                                     : op->wide->push(stage, &capture->lane, in);
    return r < 0 ? r : sl_wire_put_chunk(&capture->rows, in) ? 0 : SL_ENOMEM;
}

static const struct sl_wide capture_wide = {.lane_open = lane_open, .push = push};

/* ---- the graph ---- */

static void replace_sinks(struct sl_worker_process *process, struct sl_pipe *pipe)
{
    if (pipe->sink) {
        size_t n = pipe->node->number;
        process->capture_op[n] = *pipe->node->op;
        process->capture_op[n].wide = &capture_wide;
        process->capture[n] = *pipe->node;
        process->capture[n].op = &process->capture_op[n];
        pipe->node = &process->capture[n];
    }
    for (size_t i = 0; i < pipe->children; i++)
        replace_sinks(process, pipe->child[i]);
}

int sl_capture_open(struct sl_worker_process *process, struct sl_error *err)
{
    size_t nodes = process->run.pipelines->nodes;
    process->capture_op = calloc(nodes + 1, sizeof *process->capture_op);
    process->capture = calloc(nodes + 1, sizeof *process->capture);
    process->stage = calloc(nodes + 1, sizeof *process->stage);
    process->rows = calloc(nodes + 1, sizeof *process->rows);
    process->rows_out = calloc(nodes + 1, sizeof *process->rows_out);
    process->last = &process->first;
    if (!process->capture_op || !process->capture || !process->stage || !process->rows || !process->rows_out)
        return sl_error_nomem(err);
    for (size_t n = 0; n < nodes; n++)
        if (process->run.pipelines->root[n])
            replace_sinks(process, &process->run.pipelines->root[n]->top);
    return 0;
}

void sl_capture_reset(struct sl_worker_process *process)
{
    for (struct sl_capture *next, *at = process->first; at; at = next) {
        next = at->next;
        sl_buf_done(&at->rows);
        free(at);
    }
    process->first = NULL;
    process->last = &process->first;
}

void sl_capture_close(struct sl_worker_process *process)
{
    sl_capture_reset(process);
    free(process->capture_op);
    free(process->capture);
    free(process->stage);
    free(process->rows);
    free(process->rows_out);
}
