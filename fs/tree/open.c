/* Open files: of versions, keys and documents (fixed bytes), of the log (grows), and the streams next and
 * feed.
 *
 * next waits for the version after the one that was newest when it was opened, then reads as its data. feed
 * begins with the newest version and continues with each one after it. It reads only versions that can still be found, so
 * a slow reader keeps nothing alive; for versions that it missed it gets a line with their number. */
#include "fs/tree/tree_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct sl_open {
    struct sl_open *next, **place; /* in the tree's list */
    struct node node;
    struct sl_rendering *rendering; /* fixed: what is read; streams: what is being read, NULL before */
    uint64_t number;                /* streams: of the last version taken */
    size_t at;                      /* feed: how much of rendering was read */
    pthread_mutex_t lock;           /* streams: one read at a time; taken before the tree's */
    char name[SL_KEY_NAME_MAX + 1]; /* of a key's file */
};

void sl_pieces_done(struct sl_pieces *pieces)
{
    for (size_t i = 0; i < pieces->count; i++)
        sl_rendering_unref(pieces->piece[i].owner);
    *pieces = (struct sl_pieces){0};
}

enum sl_open_kind sl_open_kind_of(const struct sl_open *open)
{
    if (open->node.kind == NODE_NEXT)
        return SL_OPEN_NEXT;
    if (open->node.kind == NODE_FEED)
        return SL_OPEN_FEED;
    return open->node.kind == NODE_LOG ? SL_OPEN_GROWING : SL_OPEN_FIXED;
}

/* ---- opening and closing ---- */

static int open_file(struct sl_tree *tree, struct sl_open *open)
{
    struct version *version = as_version(open->node.owner);
    enum sl_render_kind kind = (enum sl_render_kind)open->node.index;
    version->file[kind].users++;
    int r = sl_content_get(tree, version, kind, &open->rendering);
    if (r < 0)
        version->file[kind].users--;
    return r;
}

static int open_key(struct sl_tree *tree, struct sl_open *open)
{
    struct version *version = as_version(open->node.owner);
    struct sl_keys *keys;
    int r = sl_content_keys(tree, version, &keys);
    if (r < 0)
        return r;
    size_t len;
    const uint8_t *text = sl_keys_text(keys, open->node.index, &len);
    (void)sl_key_name(text, len, open->name);
    sl_content_keys_done(version);
    return sl_content_key_get(tree, version, open->node.index, &open->rendering);
}

static int open_node(struct sl_tree *tree, struct sl_open *open)
{
    uint64_t published = open->node.view ? open->node.view->published : 0;
    switch (open->node.kind) {
    case NODE_FILE:
        return open_file(tree, open);
    case NODE_KEY:
        return open_key(tree, open);
    case NODE_DOCUMENT:
        open->rendering = sl_rendering_ref(as_document(open->node.owner)->rendering);
        return 0;
    case NODE_LOG:
        as_log_file(open->node.owner)->users++;
        return 0;
    case NODE_NEXT:
        open->number = published;
        return 0;
    case NODE_FEED:
        open->number = published ? published - 1 : 0;
        return 0;
    case NODE_ROOT:
    case NODE_SLUICE:
    case NODE_BATCHES:
    case NODE_VIEW:
    case NODE_AT:
    case NODE_VERSION:
    case NODE_KEYS:
        return -EISDIR;
    case NODE_LINK:
    case NODE_NOW:
        return -ELOOP;
    }
    sl_assert(!"no such kind");
}

static void open_free(struct sl_open *open)
{
    sl_rendering_unref(open->rendering);
    pthread_mutex_destroy(&open->lock);
    free(open);
}

static void enter(struct sl_tree *tree, struct sl_open *open)
{
    tree->counts.opens++;
    open->next = tree->open;
    open->place = &tree->open;
    if (open->next)
        open->next->place = &open->next;
    tree->open = open;
}

void sl_tree_count_view(struct sl_tree *tree, size_t number, struct sl_view_counts *ret)
{
    sl_tree_lock(tree);
    const struct view *view = &tree->view[number];
    *ret = (struct sl_view_counts){
        .published = view->published,
        .listed = view->count - sl_view_first_listed(view),
        .time_ms = view->time_ms,
    };
    for (const struct sl_open *open = tree->open; open; open = open->next)
        ret->opens += open->node.view == view;
    sl_tree_unlock(tree);
}

static void leave(struct sl_tree *tree, struct sl_open *open)
{
    tree->counts.opens--;
    *open->place = open->next;
    if (open->next)
        open->next->place = open->place;
}

int sl_tree_open(struct sl_tree *tree, uint64_t ino, struct sl_open **ret)
{
    struct sl_open *open = calloc(1, sizeof *open);
    if (!open)
        return -ENOMEM;
    pthread_mutex_init(&open->lock, NULL);
    sl_tree_lock(tree);
    int r = sl_node_of(tree, ino, &open->node);
    if (r == 0) {
        sl_owner_pin(open->node.owner);
        r = open_node(tree, open);
        if (r < 0)
            sl_owner_unpin(tree, open->node.owner);
    }
    if (r == 0)
        enter(tree, open);
    sl_tree_unlock(tree);
    if (r < 0)
        open_free(open);
    else
        *ret = open;
    return r;
}

/* A file of a retired version is removed from the caches when its last reader has closed it. */
static void drop_if_retired(struct sl_tree *tree, const struct sl_open *open)
{
    const struct node *node = &open->node;
    if (!node->owner || !node->owner->retired || !node->owner->lookups)
        return;
    if (node->kind == NODE_FILE)
        (void)sl_tree_notice(tree, SL_NOTICE_DROP, node->owner->ino + INO_DIR, node->ino,
                             sl_render_name((enum sl_render_kind)node->index));
    else if (node->kind == NODE_KEY)
        (void)sl_tree_notice(tree, SL_NOTICE_DROP, node->owner->ino + INO_KEYS, node->ino, open->name);
}

void sl_tree_close(struct sl_tree *tree, struct sl_open *open)
{
    sl_tree_lock(tree);
    leave(tree, open);
    if (open->node.kind == NODE_FILE)
        as_version(open->node.owner)->file[open->node.index].users--;
    if (open->node.kind == NODE_LOG)
        as_log_file(open->node.owner)->users--;
    drop_if_retired(tree, open);
    sl_owner_unpin(tree, open->node.owner);
    sl_tree_unlock(tree);
    open_free(open);
}

void sl_open_free_all(struct sl_tree *tree)
{
    while (tree->open)
        sl_tree_close(tree, tree->open);
}

/* ---- reading ---- */

static void slice(struct sl_rendering *rendering, uint64_t offset, size_t size, struct sl_pieces *ret)
{
    *ret = (struct sl_pieces){0};
    if (offset >= rendering->len)
        return;
    size_t left = rendering->len - (size_t)offset;
    ret->count = 1;
    ret->bytes = left < size ? left : size;
    ret->piece[0].owner = sl_rendering_ref(rendering);
    ret->piece[0].at = rendering->bytes + offset;
    ret->piece[0].len = ret->bytes;
}

/* Renders the next version of a stream and returns its number. -EAGAIN: there is none yet. A version whose rows were
 * released in the meantime is skipped. Locked. */
static int render_next(struct sl_tree *tree, const struct sl_open *open, enum sl_render_kind kind,
                       struct sl_rendering **ret, uint64_t *ret_number)
{
    int r;
    do {
        struct version *version = sl_view_from_number(tree, open->node.view, open->number + 1);
        if (!version)
            return -EAGAIN;
        sl_owner_pin(&version->owner);
        r = sl_content_get(tree, version, kind, ret);
        *ret_number = version->number;
        sl_owner_unpin(tree, &version->owner);
    } while (r == -ESTALE);
    return r;
}

static int read_next(struct sl_tree *tree, struct sl_open *open, uint64_t offset, size_t size,
                     struct sl_pieces *ret)
{
    if (!open->rendering) {
        sl_tree_lock(tree);
        int r = render_next(tree, open, SL_RENDER_DATA, &open->rendering, &open->number);
        sl_tree_unlock(tree);
        if (r < 0)
            return r;
    }
    slice(open->rendering, offset, size, ret);
    return 0;
}

static void count_skipped(struct sl_tree *tree, uint64_t versions)
{
    sl_tree_lock(tree);
    tree->counts.skipped += versions;
    sl_tree_unlock(tree);
}

/* Sets open->rendering to what is read next: a version, or, where versions before it were missed, first the line that
 * reports them. */
static int feed_on(struct sl_tree *tree, struct sl_open *open)
{
    struct sl_rendering *rendering;
    uint64_t number;
    sl_tree_lock(tree);
    int r = render_next(tree, open, SL_RENDER_STAMPED, &rendering, &number);
    sl_tree_unlock(tree);
    if (r < 0)
        return r;
    uint64_t skipped = number - open->number - 1;
    if (skipped) {
        sl_rendering_unref(rendering); /* it is tried again after the next publish */
        rendering = sl_skipped_line(skipped);
        if (!rendering)
            return -ENOMEM;
        count_skipped(tree, skipped);
    }
    open->number = skipped ? number - 1 : number;
    sl_rendering_unref(open->rendering);
    open->rendering = rendering;
    open->at = 0;
    return 0;
}

static int read_feed(struct sl_tree *tree, struct sl_open *open, size_t size, struct sl_pieces *ret)
{
    while (!open->rendering || open->at == open->rendering->len) {
        int r = feed_on(tree, open);
        if (r < 0)
            return r;
    }
    slice(open->rendering, open->at, size, ret);
    open->at += ret->bytes;
    return 0;
}

static int read_log(struct sl_tree *tree, struct log_file *log, uint64_t offset, size_t size,
                    struct sl_pieces *ret)
{
    sl_tree_lock(tree);
    int r = sl_log_file_catch_up(tree, log);
    if (r == 0)
        sl_log_file_read(log, offset, size, ret);
    sl_tree_unlock(tree);
    return r;
}

static int read_stream(struct sl_tree *tree, struct sl_open *open, uint64_t offset, size_t size,
                       struct sl_pieces *ret)
{
    pthread_mutex_lock(&open->lock);
    int r = open->node.kind == NODE_NEXT ? read_next(tree, open, offset, size, ret)
                                         : read_feed(tree, open, size, ret);
    pthread_mutex_unlock(&open->lock);
    return r;
}

int sl_tree_read(struct sl_tree *tree, struct sl_open *open, uint64_t offset, size_t size,
                 struct sl_pieces *ret)
{
    switch (sl_open_kind_of(open)) {
    case SL_OPEN_FIXED:
        slice(open->rendering, offset, size, ret);
        return 0;
    case SL_OPEN_GROWING:
        return read_log(tree, as_log_file(open->node.owner), offset, size, ret);
    case SL_OPEN_NEXT:
    case SL_OPEN_FEED:
        return read_stream(tree, open, offset, size, ret);
    }
    sl_assert(!"no such kind");
}

static bool has_more(const struct sl_open *open)
{
    return open->rendering && (open->node.kind == NODE_NEXT || open->at < open->rendering->len);
}

/* A version without records is no line of feed, but missed versions are. Locked. */
static bool has_next(const struct sl_tree *tree, const struct sl_open *open)
{
    uint64_t number = open->number + 1;
    for (struct version *version; (version = sl_view_from_number(tree, open->node.view, number)); number++)
        if (open->node.kind == NODE_NEXT || version->number > number || version->shown->rows->count > 0)
            return true;
    return false;
}

bool sl_tree_readable(struct sl_tree *tree, struct sl_open *open)
{
    enum sl_open_kind kind = sl_open_kind_of(open);
    if (kind == SL_OPEN_FIXED || kind == SL_OPEN_GROWING)
        return true;
    pthread_mutex_lock(&open->lock);
    bool readable = has_more(open);
    sl_tree_lock(tree);
    readable = readable || has_next(tree, open);
    sl_tree_unlock(tree);
    pthread_mutex_unlock(&open->lock);
    return readable;
}
