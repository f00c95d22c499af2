#include "engine/changes.h"

#include "engine/run.h"

#include <string.h>

enum { TEXT_BYTES_MAX = 64 << 20 };

/* The texts of the node's functions and of those on the way to its sources; a stream that is used twice
 * counts twice. */
static bool append_texts(struct sl_buf *buf, const struct sl_node *node)
{
    bool ok = buf->len < TEXT_BYTES_MAX;
    for (unsigned i = 0; ok && node->op->params && node->op->params[i].name; i++) {
        const struct sl_arg *arg = &node->arg[i];
        if (arg->kind == SL_ARG_FUNCTION && arg->function->ops->text)
            ok = arg->function->ops->text(arg->function, buf) && sl_buf_byte(buf, 0);
    }
    for (unsigned i = 0; ok && i < node->inputs; i++)
        ok = append_texts(buf, node->input[i]);
    return ok;
}

static bool keeps_state(const struct sl_run *run, const struct sl_node *node)
{
    return run->state_key[node->number] && node->op->kind != SL_OP_OUTPUT;
}

/* Of the operators that keep something and have functions of the job's own. */
static int collect(const struct sl_run *run, struct sl_codes *codes)
{
    int r = 0;
    for (size_t n = 0; r == 0 && n < run->pipelines->nodes; n++) {
        const struct sl_node *node = run->pipelines->node[n];
        SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
        if (!keeps_state(run, node))
            continue;
        if (!append_texts(&text, node))
            return SL_ENOMEM;
        struct sl_field all = sl_string(text.bytes, text.len);
        if (text.len)
            r = sl_codes_add(codes, run->state_key[n], (int64_t)sl_field_partition_hash(&all));
    }
    return r;
}

static const struct sl_code *find(const struct sl_codes *codes, const char *operator)
{
    for (size_t i = 0; i < codes->count; i++)
        if (strcmp(codes->code[i].operator, operator) == 0)
            return &codes->code[i];
    return NULL;
}

static void say(const struct sl_run *run, const struct sl_codes *before, const struct sl_codes *now)
{
    for (size_t n = 0; n < run->pipelines->nodes; n++) {
        const struct sl_node *node = run->pipelines->node[n];
        if (!keeps_state(run, node))
            continue;
        const struct sl_code *was = find(before, run->state_key[n]), *is = find(now, run->state_key[n]);
        if (was && is && was->digest != is->digest)
            sl_log(run->services.log, SL_LOG_WARNING,
                   "%s:%d: %s: its function, or one on the way to it, has changed; it goes on with the state "
                   "that "
                   "the old one made (sluice reset --yes forgets it)",
                   node->site.file, node->site.line, node->site.name);
    }
}

static bool are_equal(const struct sl_codes *before, const struct sl_codes *now)
{
    bool equal = before->count == now->count;
    for (size_t i = 0; equal && i < now->count; i++) {
        const struct sl_code *was = find(before, now->code[i].operator);
        equal = was && was->digest == now->code[i].digest;
    }
    return equal;
}

int sl_changes_say(struct sl_run *run, struct sl_error *err)
{
    SL_CLEANUP(sl_codes_done) struct sl_codes before = {0}, now = {0};
    int r = collect(run, &now) < 0 ? sl_error_nomem(err) : sl_catalog_get_codes(run->catalog, &before, err);
    if (r < 0 || are_equal(&before, &now))
        return r;
    if (run->any) /* else there is no state yet */
        say(run, &before, &now);
    return sl_catalog_put_codes(run->catalog, &now, err);
}
