#include "engine/keep.h"

#include "core/error.h"
#include "core/keeper.h"
#include "engine/memories.h"
#include "engine/stage.h"
#include "state/store.h"

#include <stdlib.h>
#include <string.h>

static bool is_kept(const struct sl_node *node)
{
    return node->op->wide && node->op->wide->save;
}

/* ---- names ---- */

#define VIEW_PREFIX "view:"

static bool append_param(struct sl_buf *buf, const struct sl_param *param, const struct sl_arg *arg)
{
    if (param->want & SL_WANT_DURATION)
        return true;
    if (arg->kind == SL_ARG_FUNCTION)
        return sl_buf_printf(buf, " %s", arg->function->name[0] ? arg->function->name : "function");
    if (arg->kind != SL_ARG_VALUE)
        return true;
    return sl_buf_printf(buf, " %016llx", (unsigned long long)sl_field_partition_hash(&arg->value));
}

/* Inputs are behind their operator in brackets; a stream that is used twice is written twice. */
static bool append_signature(struct sl_buf *buf, const struct sl_node *node)
{
    enum { SIGNATURE_MAX = 1 << 20 };
    bool ok = buf->len < SIGNATURE_MAX && sl_buf_text(buf, node->op->name);
    for (unsigned i = 0; ok && node->op->params && node->op->params[i].name; i++)
        ok = append_param(buf, &node->op->params[i], &node->arg[i]);
    for (unsigned i = 0; ok && i < node->inputs; i++)
        ok = sl_buf_byte(buf, '(') && append_signature(buf, node->input[i]) && sl_buf_byte(buf, ')');
    return ok;
}

static char *make_key(const struct sl_node *node, unsigned twin)
{
    struct sl_buf text = {0}, key = {0};
    struct sl_field view = sl_node_value(node, 0);
    if (node->op->kind == SL_OP_OUTPUT) /* what a view shows is no state: its name is enough, and it may go */
        return sl_buf_printf(&key, VIEW_PREFIX "%.*s", (int)view.len, (const char *)view.str) &&
                       sl_buf_byte(&key, 0)
                   ? (char *)key.bytes
                   : NULL;
    bool ok = node->name ? sl_buf_printf(&key, "%s", node->name) : append_signature(&text, node);
    if (ok && !node->name) {
        struct sl_field signature = sl_string(text.bytes, text.len);
        ok = sl_buf_printf(&key, "%s-%016llx", node->op->name,
                           (unsigned long long)sl_field_partition_hash(&signature));
    }
    if (ok && twin)
        ok = sl_buf_printf(&key, "#%u", twin + 1);
    ok = ok && sl_buf_byte(&key, 0);
    sl_buf_done(&text);
    if (ok)
        return (char *)key.bytes;
    sl_buf_done(&key);
    return NULL;
}

static bool is_taken(const struct sl_run *run, size_t nodes, const char *key)
{
    for (size_t n = 0; n < nodes; n++)
        if (run->state_key[n] && strcmp(run->state_key[n], key) == 0)
            return true;
    return false;
}

/* Operators that are alike are told apart by their order. */
static int name_operators(struct sl_run *run, struct sl_error *err)
{
    run->state_key = calloc(run->pipelines->nodes + 1, sizeof(char *));
    if (!run->state_key)
        return sl_error_nomem(err);
    for (size_t n = 0; n < run->pipelines->nodes; n++) {
        const struct sl_node *node = run->pipelines->node[n];
        char *key = NULL;
        for (unsigned twin = 0; is_kept(node) && !key; twin++) {
            key = make_key(node, twin);
            if (!key)
                return sl_error_nomem(err);
            if (!is_taken(run, n, key))
                break;
            free(key);
            key = NULL;
        }
        run->state_key[n] = key;
    }
    return 0;
}

/* ---- what no operator of the job wants any more ---- */

static int refuse_dropping(struct sl_run *run, struct sl_error *err)
{
    struct sl_buf list = {0};
    const char *key;
    int r = 0;
    for (size_t i = 0; r == 0 && (key = sl_store_key(run->store, i)); i++) {
        if (is_taken(run, run->pipelines->nodes, key))
            continue;
        if (run->options->accept_changes || strncmp(key, VIEW_PREFIX, strlen(VIEW_PREFIX)) == 0)
            r = sl_store_drop(run->store, key) < 0 ? sl_error_nomem(err) : 0;
        else if (!sl_buf_printf(&list, "%s%s", list.len ? ", " : "", key))
            r = sl_error_nomem(err);
    }
    if (r == 0 && list.len)
        r = sl_error_set(
            err, SL_EUSAGE,
            "the job has changed: the checkpoint holds state of operators that it has no more: %.*s; run "
            "once with --accept-changes to drop it, or name the operators that took their place with "
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
        r = sl_store_load(run->store, run->state_key[node->number], visit, stage, err);
    }
    if (r == 0 && wide->loaded)
        r = wide->loaded(stage, last_ms);
    sl_stage_free(stage);
    return r == SL_ENOMEM ? sl_error_nomem(err) : r;
}

static int open_kept(struct sl_run *run, const struct sl_progress *progress, bool again, struct sl_error *err)
{
    int r = name_operators(run, err);
    bool any = progress->segments && progress->segments[0];
    for (size_t n = 0; n < run->pipelines->nodes; n++)
        any = any || run->state_key[n];
    if (r < 0 || !any)
        return r;
    r = sl_store_open(run->services.io, run->services.log, run->services.job_dirfd, run->checkpoint,
                      progress->segments ? progress->segments : "", progress->last_ms, &run->store, err);
    r = r < 0 ? r : refuse_dropping(run, err);
    for (size_t n = 0; r == 0 && progress->any && n < run->pipelines->nodes; n++)
        if (run->state_key[n])
            r = load_operator(run, run->pipelines->node[n], progress->last_ms, again, err);
    return r;
}

int sl_keep_open(struct sl_run *run, const struct sl_progress *progress, struct sl_error *err)
{
    return open_kept(run, progress, false, err);
}

void sl_keep_close(struct sl_run *run)
{
    sl_store_close(run->store);
    for (size_t n = 0; run->state_key && n < run->pipelines->nodes; n++)
        free(run->state_key[n]);
    free(run->state_key);
    run->state_key = NULL;
    run->store = NULL;
    run->segments = NULL;
}

int sl_keep_take_back(struct sl_run *run, struct sl_error *err)
{
    struct sl_progress progress = {.any = run->any, .last_ms = run->last_ms};
    sl_keep_close(run);
    sl_memories_close(run);
    progress.segments = strdup(sl_catalog_segments(run->catalog));
    int r = progress.segments ? sl_memories_open(run, err) : sl_error_nomem(err);
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
    return stage->node->op->wide->save(stage, sl_store_operator(run->store, run->state_key[n]));
}

int sl_keep_save(struct sl_batch *batch, struct sl_error *err)
{
    struct sl_run *run = batch->run;
    int r = 0;
    if (!run->store)
        return 0;
    sl_store_batch(run->store, batch->t);
    for (size_t n = 0; r == 0 && n < run->pipelines->nodes; n++)
        r = save_operator(batch, n, err);
    int failed = sl_store_failure(run->store, err); /* the operator was only told that there was one */
    if (failed == 0 && r == SL_ENOMEM)
        return sl_error_nomem(err);
    if (failed < 0 || r < 0)
        return failed < 0 ? failed : r;
    return sl_store_finish(run->store, &run->segments, err);
}
