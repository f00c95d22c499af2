#include "engine/batch/lineage.h"

#include <stdlib.h>

enum { NOT_AT_ALL = -1 };

/* How much earlier than what the node gives the oldest dataset of its input is that went into it. */
static int64_t reach_of(const struct sl_node *node)
{
    if (!node->op->wide || !node->op->wide->windowed)
        return 0;
    const struct sl_node *input = node->input[0];
    return node->window_ms - (input->window_ms ? input->window_ms : input->slide_ms);
}

/* Inputs have lower numbers: one pass downwards sees every way to a node before the node. */
static void reach_back(const struct sl_pipelines *pipelines, unsigned from, int64_t *back_ms)
{
    for (size_t n = 0; n < pipelines->nodes; n++)
        back_ms[n] = NOT_AT_ALL;
    back_ms[from] = 0;
    for (unsigned n = from + 1; n-- > 0;) {
        const struct sl_node *node = pipelines->node[n];
        for (unsigned i = 0; back_ms[n] >= 0 && i < node->inputs; i++) {
            int64_t *input = &back_ms[node->input[i]->number], reach = back_ms[n] + reach_of(node);
            *input = reach > *input ? reach : *input;
        }
    }
}

static bool is_input(const struct sl_pipelines *pipelines, const struct sl_node *node)
{
    for (size_t n = node->number + 1; n < pipelines->nodes; n++)
        for (unsigned i = 0; i < pipelines->node[n]->inputs; i++)
            if (pipelines->node[n]->input[i] == node)
                return true;
    return false;
}

/* A table that no operator takes is looked into by functions: anything may depend on it. */
static void reach_tables(const struct sl_pipelines *pipelines, int64_t *back_ms)
{
    for (size_t n = 0; n < pipelines->nodes; n++)
        if (pipelines->node[n]->op->is_table && !is_input(pipelines, pipelines->node[n]))
            back_ms[n] = 0;
}

int sl_lineage_of(const struct sl_run *run, const struct sl_node *node, int64_t t,
                  struct sl_manifest_input *ret, size_t *ret_count, struct sl_error *err)
{
    int64_t *back_ms = calloc(run->pipelines->nodes + 1, sizeof *back_ms); /* + 1: never of size 0 */
    size_t count = 0;
    if (!back_ms)
        return sl_error_nomem(err);
    reach_back(run->pipelines, node->number, back_ms);
    reach_tables(run->pipelines, back_ms);
    for (size_t s = 0; s < run->sources; s++) {
        const struct sl_node *source = run->source[s]->node;
        int64_t back = back_ms[source->number];
        if (back != NOT_AT_ALL)
            ret[count++] = (struct sl_manifest_input){s, t - back - source->slide_ms};
    }
    free(back_ms);
    *ret_count = count;
    return 0;
}

int sl_lineage_note(struct sl_batch *batch, const struct sl_node *node, struct sl_error *err)
{
    struct sl_run *run = batch->run;
    struct sl_services *services = &run->services;
    struct sl_manifest_input *input = calloc(run->sources + 1, sizeof *input); /* + 1: never of size 0 */
    size_t count = 0;
    int r = input ? sl_lineage_of(run, node, batch->t, input, &count, err) : sl_error_nomem(err);
    services->inputs = services->first_count = 0;
    services->first = batch->first;
    for (size_t n = 0; n < count; n++) {
        const struct sl_files *files = &batch->plan.files[input[n].source];
        services->inputs += files->count;
        for (size_t i = 0; i < files->count && services->first_count < SL_INPUT_PATHS_SHOWN; i++)
            batch->first[services->first_count++] = files->file[i].path;
    }
    free(input);
    return r;
}

int sl_lineage_add(const struct sl_run *run, const struct sl_node *node, int64_t t,
                   struct sl_manifest *manifest, struct sl_error *err)
{
    struct sl_manifest_input *input = calloc(run->sources + 1, sizeof *input); /* + 1: never of size 0 */
    if (!input)
        return sl_error_nomem(err);
    manifest->input = input;
    return sl_lineage_of(run, node, t, input, &manifest->inputs, err);
}
