/* Branches of the trees of engine/graph/pipelines.h, by name: where a dead letter was refused. */
#include "engine/graph/pipelines.h"

#include <stdlib.h>
#include <string.h>

/* What it lets pass are the rows that it gets. */
static bool keeps_rows(const struct sl_node *node)
{
    return strcmp(node->op->name, "filter") == 0 || strcmp(node->op->name, "union") == 0;
}

static size_t count_pipes(const struct sl_pipe *pipe, const struct sl_node *node)
{
    size_t count = 0;
    for (size_t i = 0; i < pipe->children; i++)
        count += (pipe->child[i]->node == node) + count_pipes(pipe->child[i], node);
    return count;
}

/* The how-manieth of its parent's children of that name it is, from 1. */
static unsigned ordinal_of(const struct sl_pipe *parent, size_t child)
{
    unsigned ordinal = 1;
    for (size_t i = 0; i < child; i++)
        ordinal += strcmp(parent->child[i]->node->op->name, parent->child[child]->node->op->name) == 0;
    return ordinal;
}

static void append_name(struct sl_buf *ret, const struct sl_pipe *parent, size_t child)
{
    unsigned ordinal = ordinal_of(parent, child);
    sl_buf_text(ret, ret->len ? "/" : "");
    sl_buf_text(ret, parent->child[child]->node->op->name);
    if (ordinal != 1)
        sl_buf_printf(ret, "#%u", ordinal);
}

/* Depth first; what was appended on the way is taken back where the node is not found. */
static bool append_branch(struct sl_buf *ret, const struct sl_pipe *parent, const struct sl_node *node)
{
    size_t len = ret->len;
    for (size_t i = 0; i < parent->children; i++, ret->len = len) {
        const struct sl_pipe *child = parent->child[i];
        append_name(ret, parent, i);
        if (ret->failed)
            return false;
        if (child->node == node || (keeps_rows(child->node) && append_branch(ret, child, node)))
            return true;
    }
    return false;
}

bool sl_pipelines_branch(const struct sl_pipelines *pipelines, const struct sl_node *source,
                         const struct sl_node *node, struct sl_buf *ret)
{
    const struct sl_root *root = pipelines->root[source->number];
    sl_buf_clear(ret);
    if (node == source)
        return true;
    return root && count_pipes(&root->top, node) == 1 && append_branch(ret, &root->top, node);
}

/* ---- the other way round ---- */

static bool is_one_branch(const struct sl_pipe *pipe)
{
    for (; pipe->children; pipe = pipe->child[0])
        if (pipe->children > 1)
            return false;
    return true;
}

static const struct sl_pipe *find_child(const struct sl_pipe *parent, const char *name, size_t len)
{
    const char *mark = memchr(name, '#', len);
    size_t name_len = mark ? (size_t)(mark - name) : len;
    unsigned ordinal = mark ? (unsigned)strtoul(mark + 1, NULL, 10) : 1;
    for (size_t i = 0; i < parent->children; i++) {
        const char *own = parent->child[i]->node->op->name;
        if (strlen(own) == name_len && memcmp(own, name, name_len) == 0 && ordinal_of(parent, i) == ordinal)
            return parent->child[i];
    }
    return NULL;
}

bool sl_pipelines_find_branch(const struct sl_pipelines *pipelines, const struct sl_node *source,
                              const char *branch, const struct sl_node **ret)
{
    const struct sl_root *root = pipelines->root[source->number];
    const struct sl_pipe *pipe = root ? &root->top : NULL;
    *ret = NULL;
    if (!pipe || !branch[0] || is_one_branch(pipe))
        return pipe != NULL;
    for (const char *at = branch; pipe && *at;) {
        size_t len = strcspn(at, "/");
        bool is_last = !at[len];
        pipe = find_child(pipe, at, len);
        if (pipe && !is_last && !keeps_rows(pipe->node))
            pipe = NULL;
        at += len + !is_last;
    }
    if (!pipe || count_pipes(&root->top, pipe->node) != 1)
        return false;
    *ret = pipe->node;
    return true;
}
