#include "engine/batch/state_keys.h"

#include "core/contract/visits.h"
#include "engine/batch/fingerprint.h"
#include "engine/batch/run.h"

#include <stdlib.h>
#include <string.h>

static bool is_kept(const struct sl_node *node)
{
    return node->op->wide && node->op->wide->save;
}

#define VIEW_PREFIX "view:"

static bool append_param(struct sl_buf *buf, const struct sl_param *param, const struct sl_arg *arg)
{
    if (param->want & (SL_WANT_DURATION | SL_WANT_SETTINGS))
        return true;
    if (arg->kind == SL_ARG_FUNCTION)
        return sl_buf_printf(buf, " %s", arg->function->name[0] ? arg->function->name : "function");
    if (arg->kind != SL_ARG_VALUE)
        return true;
    return sl_buf_printf(buf, " %016llx", (unsigned long long)sl_field_partition_hash(&arg->value));
}

/* Inputs follow their operator in brackets; a stream that is used twice is written once, then as its position
 * among those written. */
static bool append_signature(struct sl_buf *buf, const struct sl_node *node, struct sl_visits *visits)
{
    const char *form = node->op->state_form ? node->op->state_form(node) : NULL;
    unsigned position = sl_visit(visits, node);
    if (position)
        return sl_buf_printf(buf, "=%u", position);
    bool ok = sl_buf_text(buf, node->op->name);
    if (ok && form)
        ok = sl_buf_printf(buf, " %s", form);
    for (unsigned i = 0; ok && node->op->params && node->op->params[i].name; i++)
        ok = append_param(buf, &node->op->params[i], &node->arg[i]);
    for (unsigned i = 0; ok && i < node->inputs; i++)
        ok = sl_buf_byte(buf, '(') && append_signature(buf, node->input[i], visits) && sl_buf_byte(buf, ')');
    return ok;
}

static char *make_key(const struct sl_node *node, unsigned twin)
{
    struct sl_buf text = {0}, key = {0};
    struct sl_visits visits = {0};
    struct sl_field view = sl_node_value(node, 0);
    if (node->op->kind == SL_OP_OUTPUT) { /* what a view shows is no state: its name is enough */
        if (!sl_buf_path(&key, VIEW_PREFIX "%.*s", (int)view.len, (const char *)view.str))
            sl_buf_done(&key);
        return (char *)key.bytes;
    }
    bool ok = node->name ? sl_buf_printf(&key, "%s", node->name) : append_signature(&text, node, &visits);
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

static bool is_taken(const struct sl_run *run, const char *key)
{
    for (size_t n = 0; n < run->pipelines->nodes; n++)
        if (run->state_key[n] && strcmp(run->state_key[n], key) == 0)
            return true;
    return false;
}

/* Whether the operator that had this key in the run before looked like that. */
static int had_shape(const struct sl_codes *before, const char *key, int64_t shape, bool *ret)
{
    char *shape_key = sl_fingerprint_key(key);
    if (!shape_key)
        return SL_ENOMEM;
    const struct sl_code *was = sl_fingerprint_find(before, shape_key);
    *ret = was && was->digest == shape;
    free(shape_key);
    return 0;
}

/* Looks through the numbers of its signature: for the first that is free; with `before` for one under
 * which it was known. NULL is left where there is none. */
static int find_key(struct sl_run *run, const struct sl_node *node, const struct sl_codes *before)
{
    int64_t shape = 0;
    int r = before ? sl_fingerprint_whole(node, &shape) : 0;
    size_t twins = run->pipelines->nodes + (before ? before->count : 0);
    for (unsigned twin = 0; r == 0 && twin <= twins; twin++) {
        char *key = make_key(node, twin);
        bool fits = key && !is_taken(run, key);
        r = !key ? SL_ENOMEM : fits && before ? had_shape(before, key, shape, &fits) : 0;
        if (r == 0 && fits) {
            run->state_key[node->number] = key;
            return 0;
        }
        free(key);
    }
    return r;
}

static int find_keys(struct sl_run *run, const struct sl_codes *before)
{
    int r = 0;
    for (size_t n = 0; r == 0 && n < run->pipelines->nodes; n++)
        if (is_kept(run->pipelines->node[n]) && !run->state_key[n])
            r = find_key(run, run->pipelines->node[n], before);
    return r;
}

int sl_state_keys_find(struct sl_run *run, struct sl_error *err)
{
    SL_CLEANUP(sl_codes_done) struct sl_codes before = {0};
    run->state_key = calloc(run->pipelines->nodes + 1, sizeof(char *));
    int r = run->state_key ? sl_catalog_get_codes(run->catalog, &before, err) : sl_error_nomem(err);
    if (r < 0)
        return r;
    r = before.count ? find_keys(run, &before) : 0;
    r = r < 0 ? r : find_keys(run, NULL);
    return r < 0 ? sl_error_nomem(err) : 0;
}

void sl_state_keys_free(struct sl_run *run)
{
    for (size_t n = 0; run->state_key && n < run->pipelines->nodes; n++)
        free(run->state_key[n]);
    free(run->state_key);
    run->state_key = NULL;
}

bool sl_state_key_is_taken(const struct sl_run *run, const char *key)
{
    return is_taken(run, key);
}

bool sl_state_key_is_of_view(const char *key)
{
    return strncmp(key, VIEW_PREFIX, strlen(VIEW_PREFIX)) == 0;
}
