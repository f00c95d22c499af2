#include "engine/batch/job_changes.h"

#include "engine/batch/fingerprint.h"
#include "engine/batch/run.h"

#include <stdlib.h>

static bool keeps_state(const struct sl_run *run, const struct sl_node *node)
{
    return run->state_key[node->number] && node->op->kind != SL_OP_OUTPUT;
}

static int add_code(const struct sl_node *node, const char *key, struct sl_codes *codes)
{
    int64_t digest;
    bool any;
    int r = sl_fingerprint_code(node, &digest, &any);
    return r == 0 && any ? sl_codes_add(codes, key, digest) : r;
}

static int add_whole(const struct sl_node *node, const char *key, struct sl_codes *codes)
{
    int64_t digest;
    char *shape_key = sl_fingerprint_key(key);
    int r = shape_key ? sl_fingerprint_whole(node, &digest) : SL_ENOMEM;
    r = r < 0 ? r : sl_codes_add(codes, shape_key, digest);
    free(shape_key);
    return r;
}

static int collect(const struct sl_run *run, struct sl_codes *codes)
{
    int r = 0;
    for (size_t n = 0; r == 0 && n < run->pipelines->nodes; n++) {
        const struct sl_node *node = run->pipelines->node[n];
        if (keeps_state(run, node))
            r = add_code(node, run->state_key[n], codes);
        if (r == 0 && keeps_state(run, node))
            r = add_whole(node, run->state_key[n], codes);
    }
    return r;
}

static void say(const struct sl_run *run, const struct sl_codes *before, const struct sl_codes *now)
{
    for (size_t n = 0; n < run->pipelines->nodes; n++) {
        const struct sl_node *node = run->pipelines->node[n];
        if (!keeps_state(run, node))
            continue;
        const struct sl_code *was = sl_fingerprint_find(before, run->state_key[n]),
                             *is = sl_fingerprint_find(now, run->state_key[n]);
        if (was && is && was->digest != is->digest)
            sl_log(
                run->services.log, SL_LOG_WARNING,
                "%s:%d: %s: its function, or one of an operator before it, has changed; it continues with the "
                "state that the old function made (sluice reset --yes forgets it)",
                node->site.file, node->site.line, node->site.name);
    }
}

static bool are_equal(const struct sl_codes *before, const struct sl_codes *now)
{
    bool equal = before->count == now->count;
    for (size_t i = 0; equal && i < now->count; i++) {
        const struct sl_code *was = sl_fingerprint_find(before, now->code[i].op_key);
        equal = was && was->digest == now->code[i].digest;
    }
    return equal;
}

int sl_job_changes_say(struct sl_run *run, struct sl_error *err)
{
    SL_CLEANUP(sl_codes_done) struct sl_codes before = {0}, now = {0};
    int r = collect(run, &now) < 0 ? sl_error_nomem(err) : sl_catalog_get_codes(run->catalog, &before, err);
    if (r < 0 || are_equal(&before, &now))
        return r;
    if (run->any) /* else there is no state yet */
        say(run, &before, &now);
    return sl_catalog_put_codes(run->catalog, &now, err);
}
