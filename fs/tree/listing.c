/* Directories. Positions: 0 ".", 1 "..", then FIRST + what identifies the entry in its directory, so that a
 * listing that is read in pieces neither repeats nor misses an entry when versions are added and removed in between. */
#include "fs/tree/tree_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { FIRST = 2 };

struct listing {
    struct sl_tree *tree;
    bool lookups;
    sl_tree_emit *emit;
    void *arg;
};

static bool emit_dots(const struct listing *listing, const struct node *node, uint64_t *at)
{
    uint64_t parent = node->view && node->kind != NODE_VIEW ? node->view->ino : SL_INO_ROOT;
    if (node->kind == NODE_VERSION)
        parent = node->view->ino + SLOT_AT;
    if (node->kind == NODE_KEYS)
        parent = node->owner->ino + INO_DIR;
    if (node->kind == NODE_BATCHES)
        parent = INO_SLUICE;
    struct sl_attr attr = {.mode = S_IFDIR};
    for (; *at < FIRST; ++*at) {
        attr.ino = *at == 0 ? node->ino : parent;
        if (!listing->emit(listing->arg, *at == 0 ? "." : "..", &attr, false, *at + 1))
            return false;
    }
    return true;
}

/* With the attributes that are known; counted as a lookup where the reader takes it as one. */
static bool emit_node(const struct listing *listing, const char *name, const struct node *child,
                      uint64_t next)
{
    struct sl_attr attr;
    bool known = sl_node_attr_known(listing->tree, child, &attr) && listing->lookups;
    if (child->owner && child->owner->retired)
        known = false; /* the caches must not keep it */
    if (!listing->emit(listing->arg, name, &attr, known, next))
        return false;
    if (known) {
        sl_owner_looked_up(listing->tree, child->owner);
        if (child->kind == NODE_KEYS)
            as_version(child->owner)->keys_seen = true;
    }
    return true;
}

static void list_root(const struct listing *listing, uint64_t at)
{
    struct sl_tree *tree = listing->tree;
    struct node child = {.kind = NODE_SLUICE, .ino = INO_SLUICE};
    if (at == FIRST && !emit_node(listing, ".sluice", &child, ++at))
        return;
    for (uint64_t i = at - FIRST - 1; i < tree->options.views; i++) {
        child = sl_node_in_view(&tree->view[i], SLOT_VIEW);
        if (!emit_node(listing, tree->view[i].name, &child, i + FIRST + 2))
            return;
    }
}

static void list_folder(const struct listing *listing, const struct folder *folder, uint64_t first,
                        uint64_t at)
{
    for (uint64_t i = at - first; i < DOCUMENTS_MAX; i++) {
        struct document *document = folder->document[i];
        if (!document)
            continue;
        struct node child = sl_node_in_owner(&document->owner, NODE_DOCUMENT, 0);
        if (!emit_node(listing, document->name, &child, i + first + 1))
            return;
    }
}

static void list_sluice(const struct listing *listing, uint64_t at)
{
    struct node child = {.kind = NODE_BATCHES, .ino = INO_BATCHES};
    if (at == FIRST && !emit_node(listing, "batches", &child, ++at))
        return;
    list_folder(listing, &listing->tree->sluice, FIRST + 1, at);
}

/* The entries of a view by number: now, at, log, the links. False: no such entry at present. */
enum { VIEW_NOW, VIEW_AT, VIEW_LOG, VIEW_LINK, VIEW_ENTRIES = VIEW_LINK + 4 };
static bool view_entry(struct view *view, unsigned entry, const char **name, struct node *child)
{
    struct version *newest = sl_view_newest(view);
    if (entry == VIEW_AT) {
        *name = "at";
        *child = sl_node_in_view(view, SLOT_AT);
        return true;
    }
    if (entry == VIEW_LOG) {
        *name = "log";
        *child = (struct node){.kind = NODE_LOG, .view = view}; /* the log file itself is found by a lookup */
        return true;
    }
    if (!newest)
        return false;
    if (entry == VIEW_NOW) {
        *name = "now";
        *child = sl_node_in_owner(&newest->owner, NODE_NOW, 0);
        return true;
    }
    *name = sl_link_name(entry - VIEW_LINK);
    *child = sl_node_in_view(view, SLOT_LINK + entry - VIEW_LINK);
    return strcmp(*name, "keys") != 0 || newest->keys_possible;
}

static bool emit_log(const struct listing *listing, const struct view *view, uint64_t next)
{
    struct sl_attr attr = {.ino = view->log ? view->log->owner.ino : view->ino, .mode = S_IFREG};
    return listing->emit(listing->arg, "log", &attr, false, next);
}

static void list_view(const struct listing *listing, struct view *view, uint64_t at)
{
    for (uint64_t i = at - FIRST; i < VIEW_ENTRIES; i++) {
        const char *name;
        struct node child;
        if (!view_entry(view, (unsigned)i, &name, &child))
            continue;
        if (i == VIEW_LOG ? !emit_log(listing, view, i + FIRST + 1)
                          : !emit_node(listing, name, &child, i + FIRST + 1))
            return;
    }
}

static void list_at(const struct listing *listing, struct view *view, uint64_t at)
{
    uint64_t number = at - FIRST; /* numbers follow one another */
    size_t i = sl_view_first_listed(view);
    if (i < view->count && view->version[i]->number < number)
        i += number - view->version[i]->number;
    for (; i < view->count; i++) {
        struct version *version = view->version[i];
        struct node child = sl_node_in_owner(&version->owner, NODE_VERSION, 0);
        if (!emit_node(listing, version->name, &child, version->number + FIRST + 1))
            return;
    }
}

static void list_version(const struct listing *listing, struct version *version, uint64_t at)
{
    for (uint64_t i = at - FIRST; i < SL_RENDER_FILES; i++) {
        struct node child = sl_node_in_owner(&version->owner, NODE_FILE, i);
        if (!emit_node(listing, sl_render_name((enum sl_render_kind)i), &child, i + FIRST + 1))
            return;
    }
    struct node child = sl_node_in_owner(&version->owner, NODE_KEYS, 0);
    if (at <= FIRST + SL_RENDER_FILES && version->keys_possible)
        (void)emit_node(listing, "keys", &child,
                        FIRST + SL_RENDER_FILES + 1); /* the last one, whether or not it fits */
}

static bool key_size(const struct sl_keys *keys, uint64_t key, uint64_t *ret)
{
    struct sl_buf buf;
    sl_buf_init(&buf);
    bool rendered = sl_keys_render(keys, key, &buf);
    *ret = buf.len;
    sl_buf_done(&buf);
    return rendered;
}

/* Without the lock: a key may have many records, a directory many keys. Returns the entries that were looked
 * up. */
static uint64_t emit_keys(const struct listing *listing, const struct version *version,
                          const struct sl_keys *keys, const struct sl_attr *dir, uint64_t at, bool lookups)
{
    uint64_t count = 0;
    for (uint64_t key = at - FIRST; key < sl_keys_count(keys); key++) {
        char name[SL_KEY_NAME_MAX + 1];
        size_t len;
        const uint8_t *text = sl_keys_text(keys, key, &len);
        struct sl_attr attr = {.ino = version->owner.ino + INO_KEY + key,
                               .mode = S_IFREG | (dir->mode & 0444),
                               .mtime_ms = dir->mtime_ms,
                               .lasting = true};
        bool known = lookups && key_size(keys, key, &attr.size);
        (void)sl_key_name(text, len, name);
        if (!listing->emit(listing->arg, name, &attr, known, key + FIRST + 1))
            break;
        count += known;
    }
    return count;
}

/* Retired while it was listed: see lookup_child in fs/tree/tree.c. */
static void drop_keys(struct sl_tree *tree, const struct version *version, const struct sl_keys *keys,
                      uint64_t at, uint64_t count)
{
    for (uint64_t key = at - FIRST; count; key++, count--) {
        char name[SL_KEY_NAME_MAX + 1];
        size_t len;
        const uint8_t *text = sl_keys_text(keys, key, &len);
        (void)sl_key_name(text, len, name);
        (void)sl_tree_notice(tree, SL_NOTICE_DROP, version->owner.ino + INO_KEYS,
                             version->owner.ino + INO_KEY + key, name);
    }
}

static int list_keys(const struct listing *listing, const struct node *node, uint64_t at)
{
    struct version *version = as_version(node->owner);
    struct sl_keys *keys;
    struct sl_attr dir;
    int r = sl_content_keys(listing->tree, version, &keys);
    if (r < 0)
        return r;
    (void)sl_node_attr_known(listing->tree, node, &dir);
    bool lookups = listing->lookups && !version->owner.retired;
    pthread_mutex_unlock(&listing->tree->lock);
    uint64_t count = emit_keys(listing, version, keys, &dir, at, lookups);
    sl_tree_lock(listing->tree);
    for (uint64_t i = 0; i < count; i++)
        sl_owner_looked_up(listing->tree, &version->owner);
    if (version->owner.retired)
        drop_keys(listing->tree, version, keys, at, count);
    sl_content_keys_done(version);
    return 0;
}

static int list(const struct listing *listing, const struct node *node, uint64_t at)
{
    if (!emit_dots(listing, node, &at))
        return 0;
    switch (node->kind) {
    case NODE_ROOT:
        list_root(listing, at);
        return 0;
    case NODE_SLUICE:
        list_sluice(listing, at);
        return 0;
    case NODE_BATCHES:
        list_folder(listing, &listing->tree->batches, FIRST, at);
        return 0;
    case NODE_VIEW:
        list_view(listing, node->view, at);
        return 0;
    case NODE_AT:
        list_at(listing, node->view, at);
        return 0;
    case NODE_VERSION:
        list_version(listing, as_version(node->owner), at);
        return 0;
    case NODE_KEYS:
        return list_keys(listing, node, at);
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

int sl_tree_list(struct sl_tree *tree, uint64_t ino, uint64_t at, bool lookups, sl_tree_emit *emit, void *arg)
{
    struct listing listing = {tree, lookups, emit, arg};
    struct node node;
    sl_tree_lock(tree);
    int r = sl_node_of(tree, ino, &node);
    if (r == 0) {
        sl_owner_pin(node.owner);
        r = list(&listing, &node, at);
        sl_owner_unpin(tree, node.owner);
    }
    sl_tree_unlock(tree);
    return r;
}

bool sl_tree_lasting(struct sl_tree *tree, uint64_t ino)
{
    struct node node;
    sl_tree_lock(tree);
    bool lasting = sl_node_of(tree, ino, &node) == 0 &&
                   (node.kind == NODE_ROOT || node.kind == NODE_VERSION || node.kind == NODE_KEYS);
    sl_tree_unlock(tree);
    return lasting;
}
