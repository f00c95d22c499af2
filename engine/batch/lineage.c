#include "engine/batch/lineage.h"

#include <stdlib.h>
#include <string.h>

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

/* What the node gives at time t is made of these: ret[run->sources] of which *ret_count are set, in the order of the
 * sources. 0 or SL_ENOMEM. */
static int lineage_of(const struct sl_run *run, const struct sl_node *node, int64_t t,
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

/* ---- the files of a view ---- */

/* The first files of its window, in the order of batches. */
struct firsts {
    struct sl_batch *batch;
    const struct sl_manifest_input *input;
    size_t count;
};

static int add_first(void *arg, int64_t batch_ms, size_t source, const char *path)
{
    struct firsts *firsts = arg;
    struct sl_files *files = &firsts->batch->first_files;
    const struct sl_file file = {.path = (char *)path};
    bool is_in = false;
    for (size_t n = 0; n < firsts->count; n++)
        is_in = is_in || (firsts->input[n].source == source && batch_ms > firsts->input[n].from_ms);
    if (is_in && sl_files_add(files, &file) < 0)
        return SL_ENOMEM;
    return files->count >= SL_INPUT_PATHS_SHOWN;
}

static int note_window(struct sl_batch *batch, const struct sl_manifest_input *input, size_t count,
                       int64_t from_ms, struct sl_error *err)
{
    struct sl_run *run = batch->run;
    struct firsts firsts = {batch, input, count};
    int r = sl_catalog_first_files(run->catalog, from_ms, batch->t, add_first, &firsts, err);
    for (size_t n = 0; r == 0 && n < count; n++)
        run->services.inputs +=
            sl_window_counts_since(&run->window_counts[input[n].source], input[n].from_ms);
    for (size_t i = 0; r == 0 && i < batch->first_files.count; i++)
        batch->first[run->services.first_count++] = batch->first_files.file[i].path;
    return r;
}

static void note_batch(struct sl_batch *batch, const struct sl_manifest_input *input, size_t count,
                       bool with_paths)
{
    struct sl_services *services = &batch->run->services;
    for (size_t n = 0; n < count; n++) {
        const struct sl_files *files = &batch->plan.files[input[n].source];
        services->inputs += files->count;
        for (size_t i = 0; with_paths && i < files->count && services->first_count < SL_INPUT_PATHS_SHOWN;
             i++)
            batch->first[services->first_count++] = files->file[i].path;
    }
}

/* Whether the node is an output that shows how many files went into it. */
static bool is_view(const struct sl_node *node)
{
    return node->op->kind == SL_OP_OUTPUT && strcmp(node->op->name, "mount") == 0;
}

static int note(struct sl_batch *batch, const struct sl_node *node, struct sl_error *err)
{
    struct sl_run *run = batch->run;
    struct sl_manifest_input *input = calloc(run->sources + 1, sizeof *input); /* + 1: never of size 0 */
    size_t count = 0;
    int r = input ? lineage_of(run, node, batch->t, input, &count, err) : sl_error_nomem(err);
    int64_t from_ms = INT64_MAX;
    for (size_t n = 0; n < count; n++)
        from_ms = input[n].from_ms < from_ms ? input[n].from_ms : from_ms;
    bool is_windowed = count && run->window_counts && is_view(node) &&
                       from_ms < batch->t - run->context->options.interval_ms;
    if (r == 0 && is_windowed)
        r = note_window(batch, input, count, from_ms, err);
    if (r == 0)
        note_batch(batch, input, count, !is_windowed);
    batch->noted =
        r == 0 && is_windowed ? node : NULL; /* each step of the commit asks; paths of the plan may change */
    free(input);
    return r;
}

int sl_lineage_note(struct sl_batch *batch, const struct sl_node *node, struct sl_error *err)
{
    struct sl_services *services = &batch->run->services;
    if (batch->noted == node)
        return 0;
    sl_files_done(&batch->first_files);
    services->inputs = services->first_count = 0;
    services->first = batch->first;
    return note(batch, node, err);
}

/* ---- how many files the batches of the windows had ---- */

static int64_t longest_view(struct sl_run *run, struct sl_error *err)
{
    struct sl_manifest_input *input = calloc(run->sources + 1, sizeof *input); /* + 1: never of size 0 */
    int64_t longest = 0;
    int r = input ? 0 : sl_error_nomem(err);
    for (size_t n = 0; r == 0 && n < run->pipelines->nodes; n++) {
        const struct sl_node *node = run->pipelines->node[n];
        size_t count = 0;
        if (is_view(node))
            r = lineage_of(run, node, 0, input, &count, err);
        for (size_t i = 0; i < count; i++)
            longest = -input[i].from_ms > longest ? -input[i].from_ms : longest;
    }
    free(input);
    return r < 0 ? r : longest;
}

static int add_count(void *arg, int64_t batch_ms, size_t source, uint64_t count)
{
    struct sl_run *run = arg;
    return sl_window_counts_add(&run->window_counts[source], batch_ms, count, run->window_reach_ms);
}

int sl_lineage_open(struct sl_run *run, struct sl_error *err)
{
    int64_t reach_ms = run->catalog ? longest_view(run, err) : 0;
    if (reach_ms <= run->context->options.interval_ms)
        return reach_ms < 0 ? (int)reach_ms : 0;
    run->window_reach_ms = reach_ms;
    run->window_counts = calloc(run->sources + 1, sizeof *run->window_counts); /* + 1: never of size 0 */
    if (!run->window_counts)
        return sl_error_nomem(err);
    return run->any ? sl_catalog_count_files(run->catalog, run->last_ms - reach_ms, add_count, run, err) : 0;
}

void sl_lineage_close(struct sl_run *run)
{
    for (size_t s = 0; run->window_counts && s < run->sources; s++)
        sl_window_counts_done(&run->window_counts[s]);
    free(run->window_counts);
    run->window_counts = NULL;
}

int sl_lineage_committed(struct sl_batch *batch, struct sl_error *err)
{
    struct sl_run *run = batch->run;
    int r = 0;
    for (size_t s = 0; r == 0 && run->window_counts && s < run->sources; s++)
        if (batch->plan.files && batch->plan.files[s].count)
            r = add_count(run, batch->t, s, batch->plan.files[s].count);
    return r < 0 ? sl_error_nomem(err) : 0;
}

/* ---- for the catalog ---- */

/* The catalog needs no row for it. */
static bool is_own_batch(const struct sl_run *run, const struct sl_manifest *manifest, int64_t t)
{
    for (size_t n = 0; n < manifest->inputs; n++)
        if (manifest->input[n].from_ms < t - run->context->options.interval_ms)
            return false;
    return manifest->inputs == run->sources;
}

int sl_lineage_add(const struct sl_run *run, const struct sl_node *node, int64_t t,
                   struct sl_manifest *manifest, struct sl_error *err)
{
    struct sl_manifest_input *input = calloc(run->sources + 1, sizeof *input); /* + 1: never of size 0 */
    if (!input)
        return sl_error_nomem(err);
    manifest->input = input;
    int r = lineage_of(run, node, t, input, &manifest->inputs, err);
    if (r == 0 && is_own_batch(run, manifest, t))
        manifest->inputs = 0;
    return r;
}
