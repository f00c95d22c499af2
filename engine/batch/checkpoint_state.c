#include "engine/batch/checkpoint_state.h"

#include "core/base/error.h"
#include "core/contract/state_writer.h"
#include "engine/batch/job_changes.h"
#include "engine/batch/lineage.h"
#include "engine/batch/memory_limit.h"
#include "engine/batch/operator_memory.h"
#include "engine/batch/stage.h"
#include "engine/batch/state_keys.h"
#include "state/store/store.h"

#include <stdlib.h>
#include <string.h>

/* ---- what no operator of the job wants any more ---- */

static int refuse_dropping(struct sl_run *run, struct sl_error *err)
{
    struct sl_buf list = {0};
    const char *key;
    int r = 0;
    for (size_t i = 0; r == 0 && (key = sl_store_key(run->store, i)); i++) {
        if (sl_state_key_is_taken(run, key))
            continue;
        if (run->options->accept_changes || sl_state_key_is_of_view(key))
            r = sl_store_drop(run->store, key) < 0 ? sl_error_nomem(err) : 0;
        else if (!sl_buf_printf(&list, "%s%s", list.len ? ", " : "", key))
            r = sl_error_nomem(err);
    }
    if (r == 0 && list.len)
        r = sl_error_set(
            err, SL_EUSAGE,
            "the job has changed: the checkpoint holds state of operators that it no longer has: %.*s; run "
            "once with --accept-changes to drop it, or name the operators that replace them with "
            ":name(\"...\")",
            (int)list.len, (const char *)list.bytes);
    sl_buf_done(&list);
    return r;
}

/* ---- loading ---- */

static int visit(void *arg, const struct sl_section *section, const struct sl_dataset *rows)
{
    struct sl_stage *stage = arg;
    return stage->node->op->wide->load(stage, section, rows);
}

/* again: the run has loaded it before. */
static int load_operator(struct sl_run *run, const struct sl_node *node, int64_t last_ms, bool again,
                         struct sl_error *err)
{
    const struct sl_wide *wide = node->op->wide;
    struct sl_stage *stage;
    int r = sl_stage_new(run, node, last_ms, &stage, err);
    if (r == 0) {
        stage->tasks[0].err = err;
        stage->again = again;
        r = sl_store_load(run->store, run->state_key[node->number],
                          wide->bounded ? run->services.spill : NULL, visit, stage, err);
    }
    if (r == 0 && wide->loaded)
        r = wide->loaded(stage, last_ms);
    sl_stage_free(stage);
    if (r == SL_ENOMEM)
        sl_error_nomem(err);
    /* Rows on disk that could not be read back looked as if there were no more. */
    return sl_memory_limit_check(run, r, err);
}

enum { APART_MAX = 64 };

/* A segment per batch tells the versions apart that views keep: `sluice query` reads them. */
static size_t versions_apart(const struct sl_run *run)
{
    size_t apart = 0;
    for (size_t n = 0; n < run->pipelines->nodes; n++) {
        const struct sl_node *node = run->pipelines->node[n];
        if (node->op->kind != SL_OP_OUTPUT || strcmp(node->op->name, "mount") != 0)
            continue;
        int64_t batches = node->slide_ms / node->interval_ms;
        size_t versions = sl_view_versions_kept(node);
        size_t needed = batches < APART_MAX ? versions * (size_t)batches : APART_MAX;
        apart = needed > apart ? needed : apart;
    }
    return apart < APART_MAX ? apart : APART_MAX;
}

static int open_kept(struct sl_run *run, const struct sl_progress *progress, bool again, struct sl_error *err)
{
    int r = sl_state_keys_find(run, err);
    bool any = progress->segments && progress->segments[0];
    for (size_t n = 0; n < run->pipelines->nodes; n++)
        any = any || run->state_key[n];
    if (r < 0 || !any)
        return r < 0 ? r : sl_job_changes_find(run, err);
    r = sl_store_open(run->services.io, run->services.log, run->services.job_dirfd, run->checkpoint,
                      progress->segments ? progress->segments : "", progress->last_ms, &run->store, err);
    if (r == 0)
        sl_store_keep_apart(run->store, versions_apart(run));
    r = r < 0 ? r : refuse_dropping(run, err);
    r = r < 0 ? r : sl_job_changes_find(run, err);
    for (size_t n = 0; r == 0 && progress->any && n < run->pipelines->nodes; n++)
        if (run->state_key[n])
            r = load_operator(run, run->pipelines->node[n], progress->last_ms, again, err);
    return r == SL_EDAMAGED ? sl_error_wrap(err, "checkpoint %s", run->checkpoint) : r;
}

int sl_checkpoint_state_open(struct sl_run *run, const struct sl_progress *progress, struct sl_error *err)
{
    return open_kept(run, progress, false, err);
}

void sl_checkpoint_state_close(struct sl_run *run)
{
    sl_store_close(run->store);
    sl_state_keys_free(run);
    sl_job_changes_done(run);
    run->store = NULL;
    run->segments = NULL;
}

int sl_checkpoint_state_take_back(struct sl_run *run, struct sl_error *err)
{
    struct sl_progress progress = {.any = run->any, .last_ms = run->last_ms};
    sl_checkpoint_state_close(run);
    sl_operator_memory_close(run);
    progress.segments = strdup(sl_catalog_segments(run->catalog));
    int r = progress.segments ? sl_operator_memory_open(run, err) : sl_error_nomem(err);
    r = r < 0 ? r : open_kept(run, &progress, true, err);
    sl_progress_done(&progress);
    return r;
}

/* ---- saving ---- */

static int save_operator(struct sl_batch *batch, size_t n, struct sl_error *err)
{
    struct sl_run *run = batch->run;
    struct sl_stage *stage = batch->stage[n];
    if (!run->state_key[n] || !stage)
        return 0;
    stage->err = err;
    stage->tasks[0].err = err;
    int r = stage->node->op->kind == SL_OP_OUTPUT ? sl_lineage_note(batch, stage->node, err) : 0;
    return r < 0 ? r : stage->node->op->wide->save(stage, sl_store_operator(run->store, run->state_key[n]));
}

int sl_checkpoint_state_save(struct sl_batch *batch, struct sl_error *err)
{
    struct sl_run *run = batch->run;
    int r = 0;
    if (!run->store)
        return 0;
    sl_store_batch(run->store, batch->t);
    for (size_t n = 0; r == 0 && n < run->pipelines->nodes; n++)
        r = save_operator(batch, n, err);
    int failed = sl_store_failure(run->store, err); /* the operator only learnt that there was one */
    if (failed == 0 && r == SL_ENOMEM)
        return sl_error_nomem(err);
    if (failed < 0 || r < 0)
        return failed < 0 ? failed : r;
    return sl_store_finish(run->store, &run->segments, err);
}
