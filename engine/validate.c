#include "engine/validate.h"

#include "core/error.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *sl_node_text(const struct sl_node *node, const char *name, char *text, size_t size)
{
    for (unsigned i = 0; node->op->params && node->op->params[i].name; i++) {
        struct sl_field value = sl_node_value(node, i);
        if (strcmp(node->op->params[i].name, name) != 0 || value.tag != SL_STR || value.len >= size)
            continue;
        memcpy(text, value.str, value.len);
        text[value.len] = 0;
        return text;
    }
    return NULL;
}

/* ---- where a path leads, whether or not it exists yet ---- */

/* Resolves the longest prefix that exists and appends the rest. */
static bool resolve(const char *dir, const char *path, char ret[PATH_MAX])
{
    char whole[PATH_MAX], tail[PATH_MAX] = "";
    int len = path[0] == '/' ? snprintf(whole, sizeof whole, "%s", path)
                             : snprintf(whole, sizeof whole, "%s/%s", dir, path);
    if (len < 0 || len >= PATH_MAX)
        return false;
    while (!realpath(whole, ret)) {
        char *slash = strrchr(whole, '/'), longer[PATH_MAX];
        if (!slash || slash == whole)
            return false;
        if (snprintf(longer, sizeof longer, "%s%s", slash, tail) >= PATH_MAX)
            return false;
        memcpy(tail, longer, sizeof tail);
        *slash = 0;
    }
    size_t base = strlen(ret);
    return (size_t)snprintf(ret + base, PATH_MAX - base, "%s", tail) < PATH_MAX - base;
}

/* Whether `path` is `dir` or lies in it; both resolved. */
static bool lies_in(const char *path, const char *dir)
{
    size_t len = strlen(dir);
    if (strcmp(dir, "/") == 0)
        return true;
    return strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == 0);
}

struct checks {
    const struct sl_context *context;
    struct sl_error *err;
};

/* Refuses `path` (called `what`) inside any watched directory. */
static int refuse_watched(const struct checks *checks, const struct sl_site *site, const char *what,
                          const char *path)
{
    char resolved[PATH_MAX], watched[PATH_MAX], text[PATH_MAX];
    const struct sl_context *context = checks->context;
    if (!resolve(context->dir, path, resolved))
        return 0; /* it will be told when it is opened */
    for (size_t i = 0; i < context->nodes; i++) {
        const struct sl_node *node = &context->stream[i]->node;
        const char *dir =
            node->op->kind == SL_OP_SOURCE ? sl_node_text(node, "directory", text, sizeof text) : NULL;
        if (!dir || !resolve(context->dir, dir, watched) || !lies_in(resolved, watched))
            continue;
        if (!site)
            return sl_error_set(checks->err, SL_EUSAGE,
                                "the %s %s lies inside the watched directory %s (%s:%d); put it beside it",
                                what, path, dir, node->site.file, node->site.line);
        return sl_error_set(
            checks->err, SL_EUSAGE,
            "%s:%d: %s: the %s %s lies inside the watched directory %s (line %d); put it beside it",
            site->file, site->line, site->name, what, path, dir, node->site.line);
    }
    return 0;
}

/* Two outputs that would write the same names: the first with this text in parameter `param`. */
static int refuse_twins(const struct checks *checks, const struct sl_node *node, const char *param)
{
    char text[PATH_MAX], other_text[PATH_MAX];
    const char *own = sl_node_text(node, param, text, sizeof text);
    for (size_t i = 0; own && i < node->number; i++) {
        const struct sl_node *other = &checks->context->stream[i]->node;
        const char *theirs =
            other->op == node->op ? sl_node_text(other, param, other_text, sizeof other_text) : NULL;
        if (theirs && strcmp(own, theirs) == 0)
            return sl_error_set(checks->err, SL_EUSAGE,
                                "%s:%d: %s: the %s %s is taken by line %d; choose another", node->site.file,
                                node->site.line, node->op->name, param, own, other->site.line);
    }
    return 0;
}

static int check_output(const struct checks *checks, const struct sl_node *node)
{
    char text[PATH_MAX];
    const char *prefix = sl_node_text(node, "prefix", text, sizeof text);
    int r = prefix ? refuse_watched(checks, &node->site, "output prefix", prefix) : 0;
    if (r == 0)
        r = refuse_twins(checks, node, "prefix");
    return r == 0 ? refuse_twins(checks, node, "name") : r;
}

int sl_validate(const struct sl_context *context, const char *checkpoint, const char *mount,
                struct sl_error *err)
{
    struct checks checks = {context, err};
    size_t outputs = 0;
    int r = 0;
    for (size_t i = 0; i < context->nodes && r == 0; i++) {
        const struct sl_node *node = &context->stream[i]->node;
        if (node->op->kind != SL_OP_OUTPUT)
            continue;
        outputs++;
        r = check_output(&checks, node);
    }
    if (r == 0 && !outputs)
        r = sl_error_set(err, SL_EUSAGE,
                         "the job has no output; add saveAsTextFiles, mount or print to one of its streams");
    if (r == 0 && checkpoint)
        r = refuse_watched(&checks, NULL, "checkpoint", checkpoint);
    return r == 0 && mount ? refuse_watched(&checks, NULL, "mount", mount) : r;
}
