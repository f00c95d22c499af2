#include "engine/batch/job_changes.h"

#include "engine/batch/fingerprint.h"
#include "engine/batch/run.h"
#include "engine/batch/source_keys.h"
#include "state/store/store.h"

#include <stdlib.h>
#include <string.h>

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

/* A digest of the node, under a key that is made of its state's. */
static int add_digest(const struct sl_node *node, const char *key, char *(*key_of)(const char *),
                      int (*digest_of)(const struct sl_node *, int64_t *), struct sl_codes *codes)
{
    int64_t digest;
    char *own_key = key_of(key);
    int r = own_key ? digest_of(node, &digest) : SL_ENOMEM;
    r = r < 0 ? r : sl_codes_add(codes, own_key, digest);
    free(own_key);
    return r;
}

static int collect(const struct sl_run *run, struct sl_codes *codes)
{
    int r = sl_source_keys_collect(run, codes);
    for (size_t n = 0; r == 0 && n < run->pipelines->nodes; n++) {
        const struct sl_node *node = run->pipelines->node[n];
        if (!keeps_state(run, node))
            continue;
        r = add_code(node, run->state_key[n], codes);
        r = r < 0 ? r : add_digest(node, run->state_key[n], sl_fingerprint_key, sl_fingerprint_whole, codes);
        r = r < 0 ? r
                  : add_digest(node, run->state_key[n], sl_fingerprint_kind_key, sl_fingerprint_kind, codes);
        r = r < 0 ? r
                  : add_digest(node, run->state_key[n], sl_fingerprint_form_key, sl_fingerprint_form, codes);
    }
    return r;
}

/* ---- state that something else made ---- */

/* Catalogs of older programs do not know the kinds, or the forms. */
static int has_changed(const struct sl_run *run, const struct sl_codes *before, char *(*key_of)(const char *),
                       const char *state_key, bool *ret)
{
    char *key = key_of(state_key);
    if (!key)
        return SL_ENOMEM;
    const struct sl_code *was = sl_fingerprint_find(before, key), *is = sl_fingerprint_find(&run->codes, key);
    *ret = was && is && was->digest != is->digest;
    free(key);
    return 0;
}

static bool is_stored(const struct sl_run *run, const char *key)
{
    const char *stored;
    for (size_t i = 0; (stored = sl_store_key(run->store, i)); i++)
        if (strcmp(stored, key) == 0)
            return true;
    return false;
}

/* What made the state that is stored under the key, if it is of no use to the node; else NULL. */
static int find_other_maker(const struct sl_run *run, const struct sl_codes *before, const char *key,
                            const char **ret)
{
    bool other_kind = false, other_form = false;
    int r = has_changed(run, before, sl_fingerprint_kind_key, key, &other_kind);
    r = r < 0 ? r : has_changed(run, before, sl_fingerprint_form_key, key, &other_form);
    *ret = other_kind   ? "another kind of operator"
           : other_form ? "an operator with another reducer or function"
                        : NULL;
    return r;
}

static int refuse_state(const struct sl_run *run, const struct sl_node *node, const char *maker,
                        struct sl_error *err)
{
    return sl_error_set(
        err, SL_EUSAGE,
        "%s:%d: %s: the job has changed: under the name \"%s\" the checkpoint holds state of %s; "
        "run once with --accept-changes to drop it, or give the operator another name",
        node->site.file, node->site.line, node->site.name, run->state_key[node->number], maker);
}

static int check_makers(const struct sl_run *run, const struct sl_codes *before, struct sl_error *err)
{
    int r = 0;
    for (size_t n = 0; r == 0 && n < run->pipelines->nodes; n++) {
        const struct sl_node *node = run->pipelines->node[n];
        const char *maker = NULL;
        if (keeps_state(run, node) && is_stored(run, run->state_key[n]))
            r = find_other_maker(run, before, run->state_key[n], &maker);
        if (r == 0 && maker && !run->options->accept_changes)
            return refuse_state(run, node, maker, err);
        if (r == 0 && maker)
            r = sl_store_drop(run->store, run->state_key[n]);
    }
    return r < 0 ? sl_error_nomem(err) : 0;
}

/* ---- functions that are others ---- */

static void say(const struct sl_run *run, const struct sl_codes *before)
{
    for (size_t n = 0; n < run->pipelines->nodes; n++) {
        const struct sl_node *node = run->pipelines->node[n];
        if (!keeps_state(run, node))
            continue;
        const struct sl_code *was = sl_fingerprint_find(before, run->state_key[n]),
                             *is = sl_fingerprint_find(&run->codes, run->state_key[n]);
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

int sl_job_changes_find(struct sl_run *run, struct sl_error *err)
{
    SL_CLEANUP(sl_codes_done) struct sl_codes before = {0};
    int r = collect(run, &run->codes) < 0 ? sl_error_nomem(err)
                                          : sl_catalog_get_codes(run->catalog, &before, err);
    run->codes_are_new = r == 0 && !are_equal(&before, &run->codes);
    return r < 0 ? r : check_makers(run, &before, err);
}

int sl_job_changes_say(const struct sl_run *run, struct sl_error *err)
{
    SL_CLEANUP(sl_codes_done) struct sl_codes before = {0};
    if (!run->any || !run->codes_are_new) /* without a batch there is no state yet */
        return 0;
    int r = sl_catalog_get_codes(run->catalog, &before, err);
    if (r == 0)
        say(run, &before);
    return r;
}

void sl_job_changes_done(struct sl_run *run)
{
    sl_codes_done(&run->codes);
    run->codes_are_new = false;
}
