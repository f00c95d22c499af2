#include "engine/batch/flow.h"

#include "engine/batch/blame.h"
#include "engine/batch/observer.h"

#include <string.h>

/* A pipe at work in one task. */
struct joint {
    struct sl_outlet outlet; /* first: pushing here feeds the pipe */
    const struct sl_pipe *pipe;
    const struct sl_flow *flow;
    struct sl_task *task;
    bool opened;
    bool closed_off; /* the task's rows go down another branch */
    uint64_t rows;
    struct sl_instance instance; /* narrow */
    struct sl_lane lane;         /* sink */
    size_t children;
    struct joint **child;   /* those that take part */
    struct sl_outlet fan;   /* feeds all children */
    struct sl_outlet watch; /* shows rows that leave the operator to the run's observer */
};

static struct joint *joint_of_fan(struct sl_outlet *fan)
{
    return (struct joint *)((char *)fan - offsetof(struct joint, fan));
}

static int push_to_children(struct sl_outlet *fan, const struct sl_chunk *chunk)
{
    struct joint *joint = joint_of_fan(fan);
    int r = 0;
    for (size_t i = 0; i < joint->children && r == 0; i++)
        if (!joint->child[i]->closed_off)
            r = joint->child[i]->outlet.push(&joint->child[i]->outlet, chunk);
    return r;
}

/* ---- an observer ---- */

static const struct sl_node *node_of(const struct joint *joint)
{
    return joint->pipe->node ? joint->pipe->node : joint->flow->root->node;
}

/* Datasets of wide operators are shown as a whole, where they are made. */
static bool is_watched(const struct joint *joint)
{
    return joint->flow->run->observer && (joint->pipe->node || node_of(joint)->op->kind == SL_OP_SOURCE);
}

static struct sl_outlet *outlet_below(struct joint *joint);

static int push_watched(struct sl_outlet *watch, const struct sl_chunk *chunk)
{
    struct joint *joint = (struct joint *)((char *)watch - offsetof(struct joint, watch));
    struct sl_observer *observer = joint->flow->run->observer;
    int r = observer->rows(observer, node_of(joint), chunk);
    struct sl_outlet *below = outlet_below(joint);
    return r == 0 ? below->push(below, chunk) : r;
}

/* ---- operators ---- */

/* Failures get the place of the innermost operator: the others find that there is one. */
static int blame(const struct joint *joint, int r)
{
    return r < 0 ? sl_blame(joint->pipe->node, r, joint->task->err) : 0;
}

static int push_narrow(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    struct joint *joint = (struct joint *)outlet;
    joint->rows += chunk->rows;
    return blame(joint, joint->pipe->node->op->narrow->push(&joint->instance, chunk));
}

static struct sl_stage *stage_of(const struct joint *joint)
{
    return joint->flow->stage[joint->pipe->node->number];
}

static int push_sink(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    struct joint *joint = (struct joint *)outlet;
    joint->rows += chunk->rows;
    joint->task->event_ms = SL_NO_TIME; /* what is made of several records has none */
    return blame(joint, joint->pipe->node->op->wide->push(stage_of(joint), &joint->lane, chunk));
}

/* ---- the top ---- */

static struct sl_outlet *outlet_of(struct joint *joint);

/* A source's records are counted as they come out: nothing else sees all of them. */
static int push_read(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    struct joint *joint = (struct joint *)outlet;
    struct sl_outlet *below = outlet_of(joint);
    joint->rows += chunk->rows;
    return below->push(below, chunk);
}

static bool is_source(const struct joint *joint)
{
    return !joint->pipe->node && joint->flow->root->node->op->kind == SL_OP_SOURCE;
}

/* ---- which pipes take part ---- */

bool sl_flow_wants(const struct sl_flow *flow, const struct sl_pipe *pipe)
{
    if (pipe->sink)
        return flow->stage[pipe->node->number] != NULL;
    for (size_t i = 0; i < pipe->children; i++)
        if (sl_flow_wants(flow, pipe->child[i]))
            return true;
    return false;
}

bool sl_flow_is_wanted(const struct sl_flow *flow)
{
    return sl_flow_wants(flow, &flow->root->top);
}

static bool takes_pieces(const struct sl_flow *flow, const struct sl_pipe *pipe)
{
    const struct sl_op *op = pipe->node ? pipe->node->op : NULL;
    if (!sl_flow_wants(flow, pipe))
        return true;
    if (pipe->sink)
        return op->wide->takes_pieces && op->wide->takes_pieces(pipe->node);
    if (op && (op->narrow->whole_partitions || op->narrow->partition_index))
        return false;
    for (size_t i = 0; i < pipe->children; i++)
        if (!takes_pieces(flow, pipe->child[i]))
            return false;
    return true;
}

/* An observer is shown rows as they come. */
bool sl_flow_takes_pieces(const struct sl_flow *flow)
{
    return !flow->run->observer && takes_pieces(flow, &flow->root->top);
}

/* ---- making the tree ---- */

static struct joint *joint_new(const struct sl_flow *flow, const struct sl_pipe *pipe, struct sl_task *task,
                               struct sl_arena *arena);

static bool add_children(struct joint *joint, struct sl_arena *arena)
{
    const struct sl_pipe *pipe = joint->pipe;
    joint->child = sl_arena_calloc(arena, pipe->children + 1, sizeof(struct joint *));
    if (!joint->child)
        return false;
    for (size_t i = 0; i < pipe->children; i++) {
        if (!sl_flow_wants(joint->flow, pipe->child[i]))
            continue;
        struct joint *child = joint_new(joint->flow, pipe->child[i], joint->task, arena);
        if (!child)
            return false;
        joint->child[joint->children++] = child;
    }
    return true;
}

/* Where a joint's rows go on: straight into the only child, or into the fan. */
static struct sl_outlet *outlet_below(struct joint *joint)
{
    return joint->children == 1 ? &joint->child[0]->outlet : &joint->fan;
}

/* Where its operator pushes. */
static struct sl_outlet *outlet_of(struct joint *joint)
{
    return is_watched(joint) ? &joint->watch : outlet_below(joint);
}

static struct joint *joint_new(const struct sl_flow *flow, const struct sl_pipe *pipe, struct sl_task *task,
                               struct sl_arena *arena)
{
    struct joint *joint = sl_arena_calloc(arena, 1, sizeof *joint);
    if (!joint)
        return NULL;
    joint->flow = flow;
    joint->pipe = pipe;
    joint->task = task;
    joint->fan.push = push_to_children;
    joint->watch.push = push_watched;
    if (!add_children(joint, arena))
        return NULL;
    joint->outlet.push = push_read;
    if (!pipe->node)
        return joint; /* the top */
    joint->outlet.push = pipe->sink ? push_sink : push_narrow;
    if (pipe->sink)
        return joint;
    const struct sl_narrow *narrow = pipe->node->op->narrow;
    joint->instance = (struct sl_instance){.node = pipe->node, .task = task, .out = outlet_of(joint)};
    joint->instance.stage = flow->stage[pipe->node->number];
    if (!narrow->state_size)
        return joint;
    joint->instance.state = sl_arena_alloc(arena, narrow->state_size);
    if (!joint->instance.state)
        return NULL;
    memset(joint->instance.state, 0, narrow->state_cleared ? narrow->state_cleared : narrow->state_size);
    return joint;
}

/* Leaves the way to the node open, and all that lies below it. Whether this is on the way. */
static bool aim_at(struct joint *joint, const struct sl_node *node)
{
    bool found = joint->pipe->node == node;
    for (size_t i = 0; !found && i < joint->children; i++)
        found = aim_at(joint->child[i], node);
    for (size_t i = 0; found && joint->pipe->node != node && i < joint->children; i++)
        joint->child[i]->closed_off = !aim_at(joint->child[i], node);
    return found;
}

/* ---- opening and closing ---- */

static int open_sink(struct joint *joint, const struct sl_flow_place *place)
{
    const struct sl_wide *wide = joint->pipe->node->op->wide;
    joint->lane.position =
        (struct sl_position){joint->pipe->input, joint->pipe->path, place->partition, place->piece};
    joint->lane.task = joint->task;
    return wide->lane_open ? wide->lane_open(stage_of(joint), &joint->lane) : 0;
}

/* In a task of another process nothing follows event time. */
static struct sl_channel channel_of(const struct sl_flow *flow, const struct sl_flow_place *place)
{
    const struct sl_node *root = flow->root->node;
    struct sl_channel channel = {root, 0};
    if (root->op->kind == SL_OP_SOURCE && root->op->source->channel && !flow->run->is_task)
        channel.number = root->op->source->channel(sl_run_source(flow->run, root), place->partition);
    return channel;
}

/* Children first: an operator may push as soon as it is open. */
static int open_joint(struct joint *joint, const struct sl_flow_place *place)
{
    for (size_t i = 0; i < joint->children; i++) {
        int r = open_joint(joint->child[i], place);
        if (r < 0)
            return r;
    }
    if (!joint->pipe->node)
        return 0;
    joint->opened = true;
    joint->instance.channel = channel_of(joint->flow, place);
    if (joint->pipe->sink)
        return blame(joint, open_sink(joint, place));
    const struct sl_narrow *narrow = joint->pipe->node->op->narrow;
    return narrow->open ? blame(joint, narrow->open(&joint->instance)) : 0;
}

/* Parents first: they may push what they held back. */
static int close_joint(struct joint *joint)
{
    int r = 0;
    const struct sl_node *node = joint->pipe->node;
    joint->task->event_ms = SL_NO_TIME; /* a partition is several records */
    if (node && joint->pipe->sink)
        r = node->op->wide->lane_close ? node->op->wide->lane_close(stage_of(joint), &joint->lane) : 0;
    else if (node)
        r = node->op->narrow->close ? node->op->narrow->close(&joint->instance) : 0;
    if (node)
        r = blame(joint, r);
    for (size_t i = 0; i < joint->children && r == 0; i++)
        r = close_joint(joint->child[i]);
    return r;
}

/* Every child that takes part was pushed the same rows. */
static uint64_t rows_given(const struct joint *joint)
{
    for (size_t i = 0; i < joint->children; i++)
        if (!joint->child[i]->closed_off)
            return joint->child[i]->rows;
    return 0;
}

static void drop_joint(struct joint *joint)
{
    const struct sl_node *node = joint->pipe->node;
    if (node && joint->opened && !joint->pipe->sink && node->op->narrow->done)
        node->op->narrow->done(&joint->instance);
    if (joint->rows)
        atomic_fetch_add_explicit(&joint->flow->rows[node_of(joint)->number], joint->rows,
                                  memory_order_relaxed);
    if (node && !joint->pipe->sink)
        atomic_fetch_add_explicit(&joint->flow->rows_out[node->number], rows_given(joint),
                                  memory_order_relaxed);
    for (size_t i = 0; i < joint->children; i++)
        drop_joint(joint->child[i]);
}

int sl_flow_task(const struct sl_flow *flow, const struct sl_flow_place *place, unsigned worker,
                 sl_flow_feed *feed, void *arg, struct sl_error *err)
{
    struct sl_run *run = flow->run;
    struct sl_task *task = &run->task[worker];
    struct sl_arena *arena = &run->worker[worker].flow;
    sl_arena_reset(arena);
    sl_arena_reset(task->scratch);
    task->ordinal = (uint32_t)place->number;
    task->err = err;
    struct joint *top = joint_new(flow, &flow->root->top, task, arena);
    if (!top)
        return SL_ENOMEM;
    int r = open_joint(top, place);
    for (size_t i = 0; place->aim && !aim_at(top, place->aim) && i < top->children; i++)
        top->child[i]->closed_off = true; /* it takes no part in this batch */
    if (r == 0)
        r = feed(arg, place->number, task, is_source(top) ? &top->outlet : outlet_of(top));
    if (r == 0)
        r = close_joint(top);
    drop_joint(top);
    return r == SL_EREJECT ? 0 : r; /* a damaged file: the batch will be run again without it */
}
