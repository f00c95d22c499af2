#include "engine/graph/pipelines.h"

#include "core/base/array.h"
#include "core/base/error.h"
#include "engine/graph/graph.h"

#include <stdlib.h>

enum { PIPES_MAX = 65536 };

static bool is_root(const struct sl_node *node)
{
    return node->op->kind == SL_OP_SOURCE || node->op->kind == SL_OP_WIDE;
}

static bool is_sink(const struct sl_node *node)
{
    return node->op->kind == SL_OP_WIDE || node->op->kind == SL_OP_OUTPUT;
}

/* ---- trees ---- */

static void free_children(struct sl_pipe *pipe)
{
    for (size_t i = 0; i < pipe->children; i++) {
        free_children(pipe->child[i]);
        free(pipe->child[i]);
    }
    free(pipe->child);
}

static struct sl_pipe *add_child(struct sl_root *root, struct sl_pipe *parent, const struct sl_pipe *wanted)
{
    struct sl_pipe **grown = sl_array_grow(parent->child, parent->children, &parent->capacity, sizeof *grown);
    if (!grown)
        return NULL;
    parent->child = grown;
    struct sl_pipe *pipe = malloc(sizeof *pipe);
    if (!pipe)
        return NULL;
    *pipe = *wanted;
    pipe->number = root->pipes++;
    return parent->child[parent->children++] = pipe;
}

/* The child for a narrow operator entered by that input; made where it is missing, so that
 * sinks share runs. */
static struct sl_pipe *narrow_child(struct sl_root *root, struct sl_pipe *parent, const struct sl_node *node,
                                    uint32_t input)
{
    for (size_t i = 0; i < parent->children; i++) {
        struct sl_pipe *child = parent->child[i];
        if (!child->sink && child->node == node && child->input == input)
            return child;
    }
    struct sl_pipe pipe = {.node = node, .input = input};
    return add_child(root, parent, &pipe);
}

/* ---- ways from sinks back to roots ---- */

/* The way from the sink up to where the walk is: nearest to the sink first. */
struct way {
    const struct way *below;
    const struct sl_node *node;
    uint32_t input; /* by which the node is entered */
};

struct walk {
    struct sl_pipelines *plan;
    const struct sl_node *sink;
    uint32_t input, paths;
    size_t *pipes; /* in all trees */
};

static int add_path(struct walk *walk, const struct sl_node *top, const struct way *way)
{
    struct sl_root *root = walk->plan->root[top->number];
    struct sl_pipe *pipe = &root->top;
    size_t before = root->pipes;
    for (; way && pipe; way = way->below)
        pipe = narrow_child(root, pipe, way->node, way->input);
    struct sl_pipe sink = {.node = walk->sink, .sink = true, .input = walk->input, .path = walk->paths++};
    pipe = pipe ? add_child(root, pipe, &sink) : NULL;
    *walk->pipes += root->pipes - before;
    return pipe ? 0 : SL_ENOMEM;
}

static int walk_up(struct walk *walk, const struct sl_node *node, const struct way *below)
{
    if (*walk->pipes > PIPES_MAX)
        return SL_EUSAGE;
    if (node->op->is_table)
        return 0; /* its rows are looked up */
    if (is_root(node))
        return add_path(walk, node, below);
    for (unsigned i = 0; i < node->inputs; i++) {
        struct way way = {below, node, i};
        int r = walk_up(walk, node->input[i], &way);
        if (r < 0)
            return r;
    }
    return 0;
}

static int connect_sink(struct sl_pipelines *plan, const struct sl_node *sink, size_t *pipes,
                        struct sl_error *err)
{
    uint32_t *paths = plan->paths[sink->number] = calloc(sink->inputs + 1, sizeof *paths);
    if (!paths)
        return sl_error_nomem(err);
    for (unsigned i = 0; i < sink->inputs; i++) {
        struct walk walk = {plan, sink, i, 0, pipes};
        int r = walk_up(&walk, sink->input[i], NULL);
        if (r == SL_EUSAGE)
            return sl_error_set(err, SL_EUSAGE,
                                "%s:%d: unions reach %s on more than %d ways; unite fewer streams",
                                sink->site.file, sink->site.line, sink->op->name, PIPES_MAX);
        if (r < 0)
            return sl_error_nomem(err);
        paths[i] = walk.paths;
    }
    return 0;
}

/* ---- the plan ---- */

static int make_roots(struct sl_pipelines *plan, const struct sl_context *context)
{
    const struct sl_node **node = (const struct sl_node **)plan->node;
    for (size_t i = 0; i < plan->nodes; i++) {
        node[i] = &context->stream[i]->node;
        if (!is_root(node[i]))
            continue;
        plan->root[i] = calloc(1, sizeof **plan->root);
        if (!plan->root[i])
            return SL_ENOMEM;
        plan->root[i]->node = node[i];
    }
    return 0;
}

/* Inputs have lower numbers than what they feed. */
void sl_pipelines_find_used(const struct sl_context *context, bool *ret_used)
{
    for (size_t i = context->nodes; i-- > 0;) {
        const struct sl_node *node = &context->stream[i]->node;
        ret_used[i] = ret_used[i] || node->op->kind == SL_OP_OUTPUT;
        for (unsigned k = 0; ret_used[i] && k < node->inputs; k++)
            ret_used[node->input[k]->number] = true;
    }
}

/* The most that any of those that read a node's result looks at. */
static void find_first_rows(struct sl_pipelines *plan)
{
    const uint64_t all = UINT64_MAX;
    for (size_t n = 0; n < plan->nodes; n++) {
        const struct sl_node *reader = plan->node[n];
        const struct sl_wide *wide = reader->op->wide;
        uint64_t rows = wide && wide->first_rows ? wide->first_rows(reader) : all;
        for (unsigned i = 0; plan->used[n] && i < reader->inputs; i++) {
            uint64_t *most = &plan->first_rows[reader->input[i]->number];
            *most = rows > *most ? rows : *most;
        }
    }
    for (size_t n = 0; n < plan->nodes; n++)
        if (plan->first_rows[n] == all)
            plan->first_rows[n] = 0;
}

int sl_pipelines_new(const struct sl_context *context, struct sl_pipelines **ret, struct sl_error *err)
{
    struct sl_pipelines *plan = calloc(1, sizeof *plan);
    if (!plan)
        return sl_error_nomem(err);
    plan->nodes = context->nodes;
    plan->node = calloc(context->nodes + 1, sizeof *plan->node);
    plan->root = calloc(context->nodes + 1, sizeof *plan->root);
    plan->paths = calloc(context->nodes + 1, sizeof *plan->paths);
    plan->used = calloc(context->nodes + 1, sizeof *plan->used);
    plan->first_rows = calloc(context->nodes + 1, sizeof *plan->first_rows);
    bool allocated = plan->node && plan->root && plan->paths && plan->used && plan->first_rows;
    if (allocated)
        sl_pipelines_find_used(context, plan->used);
    int r = allocated && make_roots(plan, context) == 0 ? 0 : sl_error_nomem(err);
    size_t pipes = 0;
    if (r == 0)
        find_first_rows(plan);
    for (size_t i = 0; i < plan->nodes && r == 0; i++)
        if (is_sink(plan->node[i]))
            r = connect_sink(plan, plan->node[i], &pipes, err);
    if (r < 0) {
        sl_pipelines_free(plan);
        return r;
    }
    *ret = plan;
    return 0;
}

void sl_pipelines_free(struct sl_pipelines *plan)
{
    if (!plan)
        return;
    for (size_t i = 0; plan->root && i < plan->nodes; i++) {
        if (plan->root[i])
            free_children(&plan->root[i]->top);
        free(plan->root[i]);
    }
    for (size_t i = 0; plan->paths && i < plan->nodes; i++)
        free(plan->paths[i]);
    free(plan->root);
    free(plan->paths);
    free(plan->used);
    free(plan->first_rows);
    free((void *)plan->node);
    free(plan);
}
