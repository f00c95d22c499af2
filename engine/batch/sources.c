#include "engine/batch/sources.h"

#include "core/base/error.h"
#include "core/contract/site.h"
#include "engine/batch/source_keys.h"
#include "sources/tables.h"

#include <stdlib.h>
#include <string.h>

static const char *key_of(const void *arg, const struct sl_node *source)
{
    const struct sl_run *run = arg;
    for (size_t s = 0; s < run->sources; s++)
        if (run->source[s]->node == source)
            return run->source_key[s];
    return NULL;
}

int sl_sources_open(struct sl_run *run, struct sl_error *err)
{
    size_t nodes = run->pipelines->nodes;
    run->rejects.key_of = key_of;
    run->rejects.key_arg = run;
    run->source = calloc(nodes + 1, sizeof(struct sl_source *));
    run->source_key = calloc(nodes + 1, sizeof(char *));
    run->gone = calloc(nodes + 1, sizeof *run->gone);
    run->table = calloc(run->context->tables + 1, sizeof(struct sl_lookup *));
    if (!run->source || !run->source_key || !run->gone || !run->table)
        return sl_error_nomem(err);
    for (unsigned w = 0; w < sl_pool_workers(run->pool); w++) {
        run->task[w].table = run->table;
        run->task[w].tables = run->context->tables;
    }
    for (size_t n = 0; n < nodes; n++) {
        const struct sl_node *node = run->pipelines->node[n];
        if (node->op->kind != SL_OP_SOURCE)
            continue;
        int r = node->op->source->open(node, &run->services, &run->source[run->sources], err);
        if (r < 0)
            return sl_site_wrap(&node->site, err);
        run->sources++;
    }
    return sl_source_keys_find(run, err);
}

void sl_sources_close(struct sl_run *run)
{
    for (size_t s = 0; s < run->sources; s++) {
        run->source[s]->ops->close(run->source[s]);
        free(run->source_key[s]);
    }
    for (size_t s = 0; run->gone && s < run->sources; s++)
        sl_files_done(&run->gone[s]);
    free(run->table);
    free(run->gone);
    free(run->source);
    free(run->source_key);
}

int sl_sources_start(struct sl_run *run, struct sl_error *err)
{
    int r = 0;
    for (size_t s = 0; s < run->sources && r == 0 && !run->trial; s++)
        if (run->source[s]->ops->start)
            r = run->source[s]->ops->start(run->source[s], err);
    return r;
}

static int remember(struct sl_source *source, const struct sl_files *files, struct sl_error *err)
{
    return source->ops->remember ? source->ops->remember(source, files, err) : 0;
}

int sl_sources_remember(struct sl_run *run, size_t source, const struct sl_files *files, struct sl_error *err)
{
    return remember(run->source[source], files, err);
}

int sl_sources_remember_planned(struct sl_run *run, const struct sl_batch_plan *planned, struct sl_error *err)
{
    int r = 0;
    for (size_t s = 0; s < run->sources && r == 0; s++)
        r = remember(run->source[s], &planned->files[s], err);
    return r;
}

static bool is_only_new(const struct sl_source *source)
{
    return source->ops->only_new && source->ops->only_new(source);
}

void sl_sources_only_new(const struct sl_run *run, bool *ret)
{
    for (size_t s = 0; s < run->sources; s++)
        ret[s] = is_only_new(run->source[s]);
}

static int decide(struct sl_run *run, const bool *undecided, struct sl_files *old, struct sl_error *err)
{
    bool is_any_undecided = false;
    int r = 0;
    for (size_t s = 0; r == 0 && s < run->sources; s++) {
        is_any_undecided |= undecided[s];
        if (is_only_new(run->source[s]))
            r = run->source[s]->ops->decide(run->source[s], !undecided[s], &old[s], err);
    }
    return r < 0 || !is_any_undecided ? r : sl_catalog_decide(run->catalog, old, err);
}

int sl_sources_decide(struct sl_run *run, const struct sl_progress *progress, struct sl_error *err)
{
    struct sl_files *old = calloc(run->sources + 1, sizeof *old); /* + 1: never of size 0 */
    if (!old)
        return sl_error_nomem(err);
    int r = decide(run, progress->undecided, old, err);
    for (size_t s = 0; s < run->sources; s++)
        sl_files_done(&old[s]);
    free(old);
    return r;
}

bool sl_sources_need_last(const struct sl_run *run)
{
    for (size_t s = 0; s < run->sources; s++) {
        struct sl_source *source = run->source[s];
        if (source->ops->go_on || (source->ops->settles && source->ops->settles(source)))
            return true;
    }
    return false;
}

/* Not before: a batch that was planned by the job as it was may use them. */
void sl_sources_forget_tables(struct sl_run *run)
{
    if (!run->has_forgotten_tables && run->checkpoint && !run->trial)
        sl_tables_forget_others(run->services.io, run->checkpoint, (const char *const *)run->source_key,
                                run->sources);
    run->has_forgotten_tables = true;
}
