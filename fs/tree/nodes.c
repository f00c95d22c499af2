/* What inode numbers mean, and the attributes of each. */
#include "fs/tree/tree_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const struct {
    const char *name, *target;
} links[] = {
    {"current", "now/data"},
    {"current.json", "now/data.json"},
    {"meta.json", "now/meta.json"},
    {"keys", "now/keys"},
};
enum { LINKS = sizeof links / sizeof links[0] };
_Static_assert((int)SLOT_LINK + (int)LINKS == SLOT_NEXT && (int)SLOT_FEED < (int)VIEW_SPAN,
               "slots of a view");

const char *sl_link_name(unsigned link)
{
    return link < LINKS ? links[link].name : NULL;
}

const char *sl_link_target(unsigned link)
{
    return links[link].target;
}

struct node sl_node_in_view(struct view *view, unsigned slot)
{
    struct node node = {.ino = view->ino + slot, .view = view};
    switch (slot) {
    case SLOT_VIEW:
        node.kind = NODE_VIEW;
        return node;
    case SLOT_AT:
        node.kind = NODE_AT;
        return node;
    case SLOT_NEXT:
        node.kind = NODE_NEXT;
        return node;
    case SLOT_FEED:
        node.kind = NODE_FEED;
        return node;
    }
    node.kind = NODE_LINK;
    node.index = slot - SLOT_LINK;
    return node;
}

struct node sl_node_in_owner(struct owner *owner, enum node_kind kind, uint64_t index)
{
    uint64_t offset = kind == NODE_NOW    ? INO_NOW
                      : kind == NODE_FILE ? INO_FILE + index
                      : kind == NODE_KEYS ? INO_KEYS
                      : kind == NODE_KEY  ? INO_KEY + index
                                          : INO_DIR;
    return (struct node){kind, owner->ino + offset, index, owner->view, owner};
}

static struct node version_node(struct owner *owner, uint64_t offset)
{
    if (offset == INO_DIR)
        return sl_node_in_owner(owner, NODE_VERSION, 0);
    if (offset == INO_NOW)
        return sl_node_in_owner(owner, NODE_NOW, 0);
    if (offset == INO_KEYS)
        return sl_node_in_owner(owner, NODE_KEYS, 0);
    if (offset < INO_KEYS)
        return sl_node_in_owner(owner, NODE_FILE, offset - INO_FILE);
    return sl_node_in_owner(owner, NODE_KEY, offset - INO_KEY);
}

static struct node owner_node(struct owner *owner, uint64_t offset)
{
    switch (owner->kind) {
    case OWNER_VERSION:
        return version_node(owner, offset);
    case OWNER_DOCUMENT:
        return sl_node_in_owner(owner, NODE_DOCUMENT, 0);
    case OWNER_LOG_FILE:
        return sl_node_in_owner(owner, NODE_LOG, 0);
    }
    sl_assert(!"no such kind");
}

int sl_node_of(struct sl_tree *tree, uint64_t ino, struct node *ret)
{
    uint64_t views_end = VIEW_BASE + tree->options.views * VIEW_SPAN;
    struct owner *owner;
    if (ino == SL_INO_ROOT)
        *ret = (struct node){.kind = NODE_ROOT, .ino = ino};
    else if (ino == INO_SLUICE)
        *ret = (struct node){.kind = NODE_SLUICE, .ino = ino};
    else if (ino == INO_BATCHES)
        *ret = (struct node){.kind = NODE_BATCHES, .ino = ino};
    else if (ino >= VIEW_BASE && ino < views_end)
        *ret = sl_node_in_view(&tree->view[(ino - VIEW_BASE) / VIEW_SPAN], (ino - VIEW_BASE) % VIEW_SPAN);
    else if ((owner = sl_owner_find(tree, ino)))
        *ret = owner_node(owner, ino - owner->ino);
    else
        return -ENOENT;
    return 0;
}

static bool is_dir(const struct node *node)
{
    switch (node->kind) {
    case NODE_ROOT:
    case NODE_SLUICE:
    case NODE_BATCHES:
    case NODE_VIEW:
    case NODE_AT:
    case NODE_VERSION:
    case NODE_KEYS:
        return true;
    case NODE_LINK:
    case NODE_NEXT:
    case NODE_FEED:
    case NODE_NOW:
    case NODE_FILE:
    case NODE_KEY:
    case NODE_DOCUMENT:
    case NODE_LOG:
        return false;
    }
    sl_assert(!"no such kind");
}

static uint32_t mode_of(const struct sl_tree *tree, const struct node *node)
{
    if (node->kind == NODE_LINK || node->kind == NODE_NOW)
        return S_IFLNK | 0777;
    if (is_dir(node))
        return S_IFDIR | (tree->options.for_others ? 0555 : 0500);
    return S_IFREG | (tree->options.for_others ? 0444 : 0400);
}

/* Everything but the sizes of rendered files. */
static struct sl_attr attr_base(const struct sl_tree *tree, const struct node *node)
{
    struct sl_attr attr = {.ino = node->ino, .mode = mode_of(tree, node), .mtime_ms = tree->start_ms};
    if (node->view)
        attr.mtime_ms = node->view->time_ms;
    switch (node->kind) {
    case NODE_ROOT:
        attr.lasting = true;
        return attr;
    case NODE_SLUICE:
    case NODE_BATCHES:
    case NODE_VIEW:
    case NODE_AT:
    case NODE_NEXT:
    case NODE_FEED:
        return attr;
    case NODE_LINK:
        attr.mtime_ms = tree->start_ms;
        attr.size = strlen(sl_link_target((unsigned)node->index));
        attr.lasting = true;
        return attr;
    case NODE_NOW:
        attr.size = strlen("at/") + strlen(as_version(node->owner)->name);
        break;
    case NODE_VERSION:
    case NODE_KEYS:
    case NODE_FILE:
    case NODE_KEY:
        break;
    case NODE_DOCUMENT:
        attr.mtime_ms = as_document(node->owner)->time_ms;
        attr.size = as_document(node->owner)->rendering->len;
        attr.lasting = true;
        return attr;
    case NODE_LOG:
        attr.mtime_ms = as_log_file(node->owner)->time_ms;
        attr.size = as_log_file(node->owner)->len;
        return attr;
    }
    attr.mtime_ms = as_version(node->owner)->time_ms;
    attr.lasting = true;
    return attr;
}

static int key_len(struct sl_tree *tree, const struct node *node, uint64_t *ret)
{
    struct sl_rendering *rendering;
    int r = sl_content_key_get(tree, as_version(node->owner), node->index, &rendering);
    if (r < 0)
        return r;
    *ret = rendering->len;
    sl_rendering_unref(rendering);
    return 0;
}

int sl_node_attr(struct sl_tree *tree, const struct node *node, struct sl_attr *ret)
{
    uint64_t len = 0;
    int r = 0;
    if (node->kind == NODE_FILE)
        r = sl_content_len(tree, as_version(node->owner), (enum sl_render_kind)node->index, &len);
    else if (node->kind == NODE_KEY)
        r = key_len(tree, node, &len);
    else if (node->kind == NODE_LOG)
        r = sl_log_file_catch_up(tree, as_log_file(node->owner));
    if (r < 0)
        return r;
    *ret = attr_base(tree, node);
    if (node->kind == NODE_FILE || node->kind == NODE_KEY)
        ret->size = len;
    return 0;
}

bool sl_node_attr_known(struct sl_tree *tree, const struct node *node, struct sl_attr *ret)
{
    *ret = attr_base(tree, node);
    if (node->kind != NODE_FILE)
        return node->kind != NODE_KEY && node->kind != NODE_LOG;
    const struct file *file = &as_version(node->owner)->file[node->index];
    ret->size = file->len;
    return file->sized;
}
