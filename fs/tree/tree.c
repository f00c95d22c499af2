/* The tree as a whole, and what the kernel asks about single inodes. Listings are in listing.c, open files in
 * open.c, publishing and retiring versions in versions.c. */
#include "fs/tree/tree.h"

#include "core/base/clock.h"
#include "fs/tree/tree_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool make_views(struct sl_tree *tree)
{
    tree->view = calloc(tree->options.views ? tree->options.views : 1, sizeof *tree->view);
    for (size_t i = 0; tree->view && i < tree->options.views; i++) {
        struct view *view = &tree->view[i];
        view->ino = VIEW_BASE + i * VIEW_SPAN;
        view->time_ms = tree->start_ms;
        view->keep = tree->options.keep[i];
        sl_assert(view->keep >= 1);
        view->name = strdup(tree->options.view[i]);
        if (!view->name)
            return false;
    }
    return tree->view != NULL;
}

int sl_tree_new(const struct sl_tree_options *options, struct sl_tree **ret, struct sl_error *err)
{
    struct sl_tree *tree = calloc(1, sizeof *tree);
    if (!tree)
        return sl_error_nomem(err);
    pthread_mutex_init(&tree->lock, NULL);
    pthread_cond_init(&tree->settled, NULL);
    tree->options = *options;
    tree->start_ms = sl_clock_real.now_ms(&sl_clock_real);
    tree->sluice.ino = INO_SLUICE;
    tree->batches.ino = INO_BATCHES;
    tree->ino_next = VIEW_BASE + options->views * VIEW_SPAN;
    if (!make_views(tree)) {
        sl_tree_free(tree);
        return sl_error_nomem(err);
    }
    tree->options.view = NULL; /* they belong to the caller; the copies are in view[] */
    tree->options.keep = NULL;
    *ret = tree;
    return 0;
}

void sl_tree_free(struct sl_tree *tree)
{
    if (!tree)
        return;
    sl_open_free_all(tree);
    sl_assert(tree->counts.opens == 0);
    for (size_t i = 0; i < tree->owners; i++)
        sl_owner_free(tree->owner[i]);
    sl_tree_lock(tree);
    sl_tree_unlock(tree);
    for (size_t i = 0; tree->view && i < tree->options.views; i++) {
        free(tree->view[i].name);
        free(tree->view[i].version);
    }
    free(tree->view);
    free(tree->owner);
    pthread_mutex_destroy(&tree->lock);
    pthread_cond_destroy(&tree->settled);
    free(tree);
}

void sl_tree_count(struct sl_tree *tree, struct sl_viewer_counts *ret)
{
    sl_tree_lock(tree);
    *ret = tree->counts;
    sl_tree_unlock(tree);
}

/* ---- finding a name in a directory ---- */

static int child_of_root(struct sl_tree *tree, const char *name, struct node *ret)
{
    if (strcmp(name, ".sluice") == 0)
        return sl_node_of(tree, INO_SLUICE, ret);
    for (size_t i = 0; i < tree->options.views; i++)
        if (strcmp(name, tree->view[i].name) == 0) {
            *ret = sl_node_in_view(&tree->view[i], SLOT_VIEW);
            return 0;
        }
    return -ENOENT;
}

static int child_of_folder(const struct folder *folder, const char *name, struct node *ret)
{
    struct document *document = sl_folder_find(folder, name);
    if (!document)
        return -ENOENT;
    *ret = sl_node_in_owner(&document->owner, NODE_DOCUMENT, 0);
    return 0;
}

static int child_of_sluice(struct sl_tree *tree, const char *name, struct node *ret)
{
    if (strcmp(name, "batches") == 0)
        return sl_node_of(tree, INO_BATCHES, ret);
    return child_of_folder(&tree->sluice, name, ret);
}

static int link_of_view(struct view *view, const char *name, struct node *ret)
{
    struct version *newest = sl_view_newest(view);
    for (unsigned link = 0; newest && sl_link_name(link); link++)
        if (strcmp(name, sl_link_name(link)) == 0) {
            if (strcmp(name, "keys") == 0 && !newest->keys_possible)
                return -ENOENT;
            *ret = sl_node_in_view(view, SLOT_LINK + link);
            return 0;
        }
    return -ENOENT;
}

static int child_of_view(struct sl_tree *tree, struct view *view, const char *name, struct node *ret)
{
    struct version *newest = sl_view_newest(view);
    struct log_file *log;
    if (strcmp(name, "now") == 0 && newest) {
        *ret = sl_node_in_owner(&newest->owner, NODE_NOW, 0);
    } else if (strcmp(name, "at") == 0) {
        *ret = sl_node_in_view(view, SLOT_AT);
    } else if (strcmp(name, "next") == 0) {
        *ret = sl_node_in_view(view, SLOT_NEXT);
    } else if (strcmp(name, "feed") == 0) {
        *ret = sl_node_in_view(view, SLOT_FEED);
    } else if (strcmp(name, "log") == 0) {
        int r = sl_log_file_get(tree, view, &log);
        if (r < 0)
            return r;
        *ret = sl_node_in_owner(&log->owner, NODE_LOG, 0);
    } else {
        return link_of_view(view, name, ret);
    }
    return 0;
}

static int child_of_version(struct version *version, const char *name, struct node *ret)
{
    for (int kind = 0; kind < SL_RENDER_FILES; kind++)
        if (strcmp(name, sl_render_name((enum sl_render_kind)kind)) == 0) {
            *ret = sl_node_in_owner(&version->owner, NODE_FILE, (uint64_t)kind);
            return 0;
        }
    if (strcmp(name, "keys") != 0 || !version->keys_possible)
        return -ENOENT;
    version->keys_seen = true;
    *ret = sl_node_in_owner(&version->owner, NODE_KEYS, 0);
    return 0;
}

static int child_of_keys(struct sl_tree *tree, struct version *version, const char *name, struct node *ret)
{
    struct sl_keys *keys;
    uint64_t key;
    int r = sl_content_keys(tree, version, &keys);
    if (r < 0)
        return r;
    bool found = sl_keys_find(keys, name, strlen(name), &key);
    sl_content_keys_done(version);
    if (!found)
        return -ENOENT;
    *ret = sl_node_in_owner(&version->owner, NODE_KEY, key);
    return 0;
}

/* Unlocks for log and keys. */
static int child_of(struct sl_tree *tree, const struct node *parent, const char *name, struct node *ret)
{
    struct version *version;
    switch (parent->kind) {
    case NODE_ROOT:
        return child_of_root(tree, name, ret);
    case NODE_SLUICE:
        return child_of_sluice(tree, name, ret);
    case NODE_BATCHES:
        return child_of_folder(&tree->batches, name, ret);
    case NODE_VIEW:
        return child_of_view(tree, parent->view, name, ret);
    case NODE_AT:
        version = sl_view_find(parent->view, name);
        if (!version)
            return -ENOENT;
        *ret = sl_node_in_owner(&version->owner, NODE_VERSION, 0);
        return 0;
    case NODE_VERSION:
        return child_of_version(as_version(parent->owner), name, ret);
    case NODE_KEYS:
        return child_of_keys(tree, as_version(parent->owner), name, ret);
    case NODE_LINK:
    case NODE_NEXT:
    case NODE_FEED:
    case NODE_NOW:
    case NODE_FILE:
    case NODE_KEY:
    case NODE_DOCUMENT:
    case NODE_LOG:
        return -ENOTDIR;
    }
    sl_assert(!"no such kind");
}

/* The child cannot have been freed: its parent is pinned, or the lock was not released since it was found. Its attributes
 * may require rendering, which releases the lock. */
static int lookup_child(struct sl_tree *tree, const struct node *child, uint64_t parent, const char *name,
                        struct sl_attr *ret)
{
    sl_owner_pin(child->owner);
    int r = sl_node_attr(tree, child, ret);
    if (r == 0)
        sl_owner_looked_up(tree, child->owner);
    /* Retired, perhaps a moment ago: no later notice would remove it from the caches, so one is queued now. */
    if (r == 0 && child->owner && child->owner->retired)
        (void)sl_tree_notice(tree, SL_NOTICE_DROP, parent, child->ino, name);
    sl_owner_unpin(tree, child->owner);
    return r;
}

int sl_tree_lookup(struct sl_tree *tree, uint64_t parent, const char *name, struct sl_attr *ret)
{
    struct node node, child;
    if (strlen(name) > SL_KEY_NAME_MAX)
        return -ENAMETOOLONG;
    sl_tree_lock(tree);
    int r = sl_node_of(tree, parent, &node);
    if (r == 0) {
        sl_owner_pin(node.owner);
        r = child_of(tree, &node, name, &child);
        if (r == 0)
            r = lookup_child(tree, &child, parent, name, ret);
        sl_owner_unpin(tree, node.owner);
    }
    sl_tree_unlock(tree);
    return r;
}

void sl_tree_forget(struct sl_tree *tree, uint64_t ino, uint64_t lookups)
{
    struct node node;
    sl_tree_lock(tree);
    if (ino != SL_INO_ROOT && sl_node_of(tree, ino, &node) == 0)
        sl_owner_forget(tree, node.owner, lookups);
    sl_tree_unlock(tree);
}

int sl_tree_getattr(struct sl_tree *tree, uint64_t ino, struct sl_attr *ret)
{
    struct node node;
    sl_tree_lock(tree);
    int r = sl_node_of(tree, ino, &node);
    if (r == 0) {
        sl_owner_pin(node.owner);
        r = sl_node_attr(tree, &node, ret);
        sl_owner_unpin(tree, node.owner);
    }
    sl_tree_unlock(tree);
    return r;
}

int sl_tree_readlink(struct sl_tree *tree, uint64_t ino, char *target, size_t size)
{
    struct node node;
    int len = -1;
    sl_tree_lock(tree);
    int r = sl_node_of(tree, ino, &node);
    if (r == 0 && node.kind == NODE_LINK)
        len = snprintf(target, size, "%s", sl_link_target((unsigned)node.index));
    else if (r == 0 && node.kind == NODE_NOW)
        len = snprintf(target, size, "at/%s", as_version(node.owner)->name);
    sl_tree_unlock(tree);
    if (r < 0)
        return r;
    return len < 0 ? -EINVAL : (size_t)len >= size ? -ENAMETOOLONG : 0;
}

/* ---- extended attributes ---- */

static bool has_batch(const struct node *node)
{
    return node->owner && node->owner->kind == OWNER_VERSION && node->kind != NODE_NOW;
}

/* The kernel passes values of 64 KiB on; a file whose key is longer has no such attribute, so that programs that copy
 * attributes can copy it. */
static int key_text(struct sl_tree *tree, const struct node *node, struct sl_buf *value)
{
    struct sl_keys *keys;
    int r = sl_content_keys(tree, as_version(node->owner), &keys);
    if (r < 0)
        return r;
    size_t len;
    const uint8_t *text = sl_keys_text(keys, node->index, &len);
    r = len > XATTR_SIZE_MAX ? -ENODATA : sl_buf_append(value, text, len) ? 0 : -ENOMEM;
    sl_content_keys_done(as_version(node->owner));
    return r;
}

static int xattr_of(struct sl_tree *tree, const struct node *node, const char *name, struct sl_buf *value)
{
    if (strcmp(name, "user.batch") == 0 && has_batch(node))
        return sl_buf_integer(value, as_version(node->owner)->time_ms) ? 0 : -ENOMEM;
    if (strcmp(name, "user.key") == 0 && node->kind == NODE_KEY)
        return key_text(tree, node, value);
    return -ENODATA;
}

int sl_tree_xattr(struct sl_tree *tree, uint64_t ino, const char *name, struct sl_buf *value)
{
    struct node node;
    sl_tree_lock(tree);
    int r = sl_node_of(tree, ino, &node);
    if (r == 0) {
        sl_owner_pin(node.owner);
        r = xattr_of(tree, &node, name, value);
        sl_owner_unpin(tree, node.owner);
    }
    sl_tree_unlock(tree);
    return r;
}

static int xattr_names(struct sl_tree *tree, const struct node *node, struct sl_buf *names)
{
    struct sl_buf key;
    sl_buf_init(&key);
    int r = node->kind == NODE_KEY ? key_text(tree, node, &key) : -ENODATA;
    sl_buf_done(&key);
    if (r < 0 && r != -ENODATA)
        return r;
    if ((has_batch(node) && !sl_buf_append(names, "user.batch", sizeof "user.batch")) ||
        (r == 0 && !sl_buf_append(names, "user.key", sizeof "user.key")))
        return -ENOMEM;
    return 0;
}

int sl_tree_xattr_names(struct sl_tree *tree, uint64_t ino, struct sl_buf *names)
{
    struct node node;
    sl_tree_lock(tree);
    int r = sl_node_of(tree, ino, &node);
    if (r == 0) {
        sl_owner_pin(node.owner);
        r = xattr_names(tree, &node, names);
        sl_owner_unpin(tree, node.owner);
    }
    sl_tree_unlock(tree);
    return r;
}
