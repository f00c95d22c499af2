#include "engine/graph/stages.h"

#include "core/contract/source.h"
#include "engine/graph/graph.h"
#include "text/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- which rows reach which operator ---- */

static void note_sinks(struct sl_stages *stages, size_t root, const struct sl_pipe *pipe)
{
    if (pipe->sink)
        stages->fed[pipe->node->number][root] = true;
    for (size_t i = 0; i < pipe->children; i++)
        note_sinks(stages, root, pipe->child[i]);
}

/* A narrow operator that keeps something from batch to batch (withWatermark). */
static bool keeps_something(const struct sl_pipe *pipe)
{
    if (pipe->node && !pipe->sink && pipe->node->op->wide)
        return true;
    for (size_t i = 0; i < pipe->children; i++)
        if (keeps_something(pipe->child[i]))
            return true;
    return false;
}

/* ---- roles ---- */

static const char source_here[] = "no other process can read its records";
static const char event_time_here[] = "event time below it is followed for the stream as a whole";
static const char table_here[] =
    "the job has a table beside its streams: one process chooses its version for each batch";
static const char query_here[] =
    "SQLite answers the query; one that is simple enough becomes other operators";
static const char output_here[] = "outputs are committed by one process";
static const char memory_here[] = "it keeps windows or state from batch to batch, in one checkpoint";
static const char groups_there[] =
    "tasks make the groups of a batch; the windows or state that they change are kept on the driver";
static const char shards_there[] =
    "tasks make the groups of a batch, and call the functions where they take long, each with a shard of the state; the "
    "driver keeps all of it";
static const char windows_there[] =
    "tasks make the groups of a batch, and combine those of a short window where a function without an inverse takes long, each "
    "with a shard of it; the driver keeps all of it";
static const char records_there[] =
    "tasks call the functions where they take long, each with a shard of the state; the driver keeps all of it";
static const char whole_here[] = "its result is made in one piece, of what tasks have combined or read";
static const char fed_here[] = "some of its rows come from operators that run here";
static const char below_here[] = "it follows operators that run here";

/* Also one that only functions look into. */
static bool has_tables(const struct sl_pipelines *pipelines)
{
    for (size_t n = 0; n < pipelines->nodes; n++)
        if (pipelines->node[n]->op->is_table)
            return true;
    return false;
}

static const char *why_source(const struct sl_pipelines *pipelines, const struct sl_root *root)
{
    const struct sl_source_ops *ops = root->node->op->source;
    if (root->node->op->is_table)
        return table_here;
    if (!ops->place && !ops->plain_rows)
        return source_here;
    if (has_tables(pipelines))
        return table_here;
    return keeps_something(&root->top) ? event_time_here : NULL;
}

bool sl_stages_maps_records(const struct sl_node *node)
{
    const struct sl_wide *wide = node->op->wide;
    return wide && wide->sharded && wide->sharded->of_records;
}

bool sl_stages_has_shards(const struct sl_node *node)
{
    const struct sl_wide *wide = node->op->wide;
    const struct sl_sharded *sharded = wide ? wide->sharded : NULL;
    return sharded && (!sharded->batches || sharded->batches(node) > 0);
}

bool sl_stages_shards_give_rows(const struct sl_node *node)
{
    const struct sl_sharded *sharded = node->op->wide->sharded;
    return sharded && (sharded->of_records || sharded->batches);
}

bool sl_stages_keeps_state(const struct sl_node *node)
{
    const struct sl_wide *wide = node->op->wide;
    return wide->memory_size && wide->partial && (wide->partial->groups || sl_stages_maps_records(node)) &&
           wide->partial->order(node) != SL_RESULT_WHOLE;
}

static const char *why_wide(const struct sl_stages *stages, const struct sl_node *node)
{
    const struct sl_wide *wide = node->op->wide;
    if (wide->memory_size && !sl_stages_keeps_state(node))
        return memory_here;
    if (!wide->partial || wide->partial->order(node) == SL_RESULT_WHOLE)
        return whole_here;
    for (size_t r = 0; r < stages->pipelines->nodes; r++)
        if (stages->fed[node->number][r] && stages->role[r] != SL_ROLE_MAP)
            return fed_here;
    return NULL;
}

static const char *why_narrow(const struct sl_stages *stages, const struct sl_node *node)
{
    for (unsigned i = 0; i < node->inputs; i++)
        if (stages->role[node->input[i]->number] != SL_ROLE_MAP)
            return below_here;
    return NULL;
}

/* Inputs have lower numbers. */
static void give_role(struct sl_stages *stages, const struct sl_node *node)
{
    size_t n = node->number;
    enum sl_role role = SL_ROLE_MAP;
    switch (node->op->kind) {
    case SL_OP_SOURCE:
        stages->why[n] = why_source(stages->pipelines, stages->pipelines->root[n]);
        break;
    case SL_OP_NARROW:
    case SL_OP_META:
        stages->why[n] = why_narrow(stages, node);
        break;
    case SL_OP_WIDE:
        stages->why[n] = why_wide(stages, node);
        role = SL_ROLE_REDUCE;
        break;
    case SL_OP_OUTPUT:
        stages->why[n] = output_here;
        break;
    }
    stages->role[n] = stages->why[n] ? SL_ROLE_DRIVER : role;
}

static size_t source_above(const struct sl_node *node)
{
    while (node->op->kind != SL_OP_SOURCE)
        node = node->input[0];
    return node->number;
}

static void number_stages(struct sl_stages *stages)
{
    const struct sl_pipelines *pipelines = stages->pipelines;
    for (size_t n = 0; n < pipelines->nodes; n++)
        if (pipelines->used[n] && pipelines->node[n]->op->kind == SL_OP_SOURCE &&
            stages->role[n] == SL_ROLE_MAP)
            stages->number[n] = stages->count++;
    for (size_t n = 0; n < pipelines->nodes; n++)
        if (pipelines->used[n] && stages->role[n] == SL_ROLE_REDUCE)
            stages->number[n] = stages->count++;
    for (size_t n = 0; n < pipelines->nodes; n++) {
        if (stages->role[n] == SL_ROLE_DRIVER)
            stages->number[n] = stages->count;
        else if (stages->role[n] == SL_ROLE_MAP)
            stages->number[n] = stages->number[source_above(pipelines->node[n])];
    }
    stages->count++;
}

/* ---- making ---- */

static int allocate(struct sl_stages *stages, size_t nodes)
{
    stages->role = calloc(nodes + 1, sizeof *stages->role);
    stages->why = calloc(nodes + 1, sizeof *stages->why);
    stages->number = calloc(nodes + 1, sizeof *stages->number);
    stages->fed = calloc(nodes + 1, sizeof *stages->fed);
    bool ok = stages->role && stages->why && stages->number && stages->fed;
    for (size_t n = 0; ok && n < nodes; n++)
        ok = (stages->fed[n] = calloc(nodes, sizeof **stages->fed)) != NULL;
    return ok ? 0 : SL_ENOMEM;
}

int sl_stages_new(const struct sl_pipelines *pipelines, struct sl_stages **ret, struct sl_error *err)
{
    struct sl_stages *stages = calloc(1, sizeof *stages);
    if (!stages)
        return sl_error_nomem(err);
    stages->pipelines = pipelines;
    if (allocate(stages, pipelines->nodes) < 0) {
        sl_stages_free(stages);
        return sl_error_nomem(err);
    }
    for (size_t n = 0; n < pipelines->nodes; n++)
        if (pipelines->root[n] && pipelines->used[n])
            note_sinks(stages, n, &pipelines->root[n]->top);
    for (size_t n = 0; n < pipelines->nodes; n++)
        give_role(stages, pipelines->node[n]);
    number_stages(stages);
    *ret = stages;
    return 0;
}

void sl_stages_free(struct sl_stages *stages)
{
    if (!stages)
        return;
    for (size_t n = 0; stages->fed && n < stages->pipelines->nodes; n++)
        free(stages->fed[n]);
    free(stages->fed);
    free(stages->role);
    free(stages->why);
    free(stages->number);
    free(stages);
}

int sl_stages_hash(struct sl_context *context, char ret[17], struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    uint64_t functions = 0;
    int r = context->digest_functions
                ? context->digest_functions(context->digest_functions_arg, &functions, err)
                : 0;
    if (r < 0)
        return r;
    if (!sl_context_describe(context, &text) ||
        !sl_buf_printf(&text, "functions %016" PRIx64 "\n", functions))
        return sl_error_nomem(err);
    struct sl_field all = sl_string(text.bytes, text.len);
    snprintf(ret, 17, "%016" PRIx64, sl_field_partition_hash(&all));
    return 0;
}

static const char *why_one_process(enum sl_one_process reason)
{
    switch (reason) {
    case SL_ONE_PROCESS_NOT:
        break;
    case SL_ONE_PROCESS_WHOLE:
        return whole_here;
    case SL_ONE_PROCESS_EVENT_TIME:
        return event_time_here;
    case SL_ONE_PROCESS_QUERY:
        return query_here;
    }
    return NULL;
}

/* Of an operator that keeps something. */
static const char *why_keeper(const struct sl_node *node)
{
    if (!sl_stages_keeps_state(node))
        return memory_here;
    if (sl_stages_maps_records(node))
        return records_there;
    const struct sl_sharded *sharded = node->op->wide->sharded;
    return !sharded ? groups_there : sharded->batches ? windows_there : shards_there;
}

const char *sl_stages_of_operator(const struct sl_op *op)
{
    const struct sl_node node = {.op = op}; /* what the order of a result depends on */
    if (op->one_process)
        return why_one_process(op->one_process);
    switch (op->kind) {
    case SL_OP_SOURCE:
        if (op->is_table)
            return table_here;
        return !op->source->place && !op->source->plain_rows ? source_here : NULL;
    case SL_OP_NARROW:
        if (op->takes_tables)
            return table_here;
        return op->wide ? event_time_here : NULL;
    case SL_OP_WIDE:
        if (op->wide->memory_size)
            return why_keeper(&node);
        return !op->wide->partial || op->wide->partial->order(&node) == SL_RESULT_WHOLE ? whole_here : NULL;
    case SL_OP_OUTPUT:
        return output_here;
    case SL_OP_META:
        return NULL;
    }
    return NULL;
}
