/* The files of .sluice: each is replaced as a whole, by a file with a new inode; a reader that has the old one
 * open keeps it. */
#include "fs/tree/tree_internal.h"

#include "core/base/clock.h"

#include <stdlib.h>
#include <string.h>

static struct document *document_new(const char *name, const void *bytes, size_t len)
{
    struct document *document = calloc(1, sizeof *document);
    if (!document)
        return NULL;
    sl_assert(strlen(name) < sizeof document->name);
    document->owner = (struct owner){.kind = OWNER_DOCUMENT};
    document->time_ms = sl_clock_real.now_ms(&sl_clock_real);
    memcpy(document->name, name, strlen(name) + 1);
    struct sl_buf buf;
    sl_buf_init(&buf);
    document->rendering = sl_buf_append(&buf, bytes, len) ? sl_rendering_new(&buf) : NULL;
    if (!document->rendering) {
        sl_buf_done(&buf);
        free(document);
        return NULL;
    }
    return document;
}

/* The slot of this name, or a free one. */
static struct document **find_slot(struct folder *folder, const char *name)
{
    struct document **free_slot = NULL;
    for (size_t i = 0; i < DOCUMENTS_MAX; i++) {
        if (!folder->document[i])
            free_slot = free_slot ? free_slot : &folder->document[i];
        else if (strcmp(folder->document[i]->name, name) == 0)
            return &folder->document[i];
    }
    sl_assert(free_slot);
    return free_slot;
}

struct document *sl_folder_find(const struct folder *folder, const char *name)
{
    for (size_t i = 0; i < DOCUMENTS_MAX; i++)
        if (folder->document[i] && strcmp(folder->document[i]->name, name) == 0)
            return folder->document[i];
    return NULL;
}

/* Retires what was in the slot, with a notice to the caches. */
static bool put(struct sl_tree *tree, struct folder *folder, struct document **slot,
                struct document *document)
{
    struct document *old = *slot;
    if (old && old->owner.lookups &&
        !sl_tree_notice(tree, SL_NOTICE_GONE, folder->ino, old->owner.ino, old->name))
        return false;
    if (old)
        sl_owner_retire(tree, &old->owner);
    *slot = document;
    return true;
}

static struct folder *folder_of(struct sl_tree *tree, const char **name)
{
    static const char prefix[] = "batches/";
    if (strncmp(*name, prefix, sizeof prefix - 1) != 0)
        return &tree->sluice;
    *name += sizeof prefix - 1;
    return &tree->batches;
}

static int remove_document(struct sl_tree *tree, const char *name, struct sl_error *err)
{
    sl_tree_lock(tree);
    struct folder *folder = folder_of(tree, &name);
    bool gone = put(tree, folder, find_slot(folder, name), NULL);
    sl_tree_unlock(tree);
    return gone ? 0 : sl_error_nomem(err);
}

int sl_tree_document(struct sl_tree *tree, const char *name, const void *bytes, size_t len,
                     struct sl_error *err)
{
    if (!bytes)
        return remove_document(tree, name, err);
    struct folder *folder = folder_of(tree, &name);
    struct document *document = document_new(name, bytes, len);
    if (!document)
        return sl_error_nomem(err);
    sl_tree_lock(tree);
    bool entered = sl_owner_enter(tree, &document->owner, 1);
    if (entered && !put(tree, folder, find_slot(folder, name), document)) {
        sl_owner_leave(tree, &document->owner);
        entered = false;
    }
    sl_tree_unlock(tree);
    if (!entered)
        sl_owner_free(&document->owner);
    return entered ? 0 : sl_error_nomem(err);
}
