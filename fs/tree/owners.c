/* Lifetimes: ranges of inode numbers, lookups, pins, and what is freed when. */
#include "core/base/bisect.h"
#include "fs/tree/tree_internal.h"

#include "core/base/array.h"

#include <stdlib.h>
#include <string.h>

void sl_tree_lock(struct sl_tree *tree)
{
    pthread_mutex_lock(&tree->lock);
}

void sl_tree_unlock(struct sl_tree *tree)
{
    struct owner *dead = tree->dead;
    tree->dead = NULL;
    pthread_mutex_unlock(&tree->lock);
    for (struct owner *next; dead; dead = next) {
        next = dead->next_dead;
        sl_owner_free(dead);
    }
}

bool sl_tree_notice(struct sl_tree *tree, enum sl_notice_kind kind, uint64_t parent, uint64_t child,
                    const char *name)
{
    struct sl_notice notice = {.kind = kind, .parent = parent, .child = child};
    size_t len = strlen(name);
    sl_assert(len < sizeof notice.name);
    memcpy(notice.name, name, len + 1);
    return !tree->options.notice || tree->options.notice(tree->options.notice_arg, &notice);
}

bool sl_owner_enter(struct sl_tree *tree, struct owner *owner, uint64_t span)
{
    struct owner **owners = sl_array_grow(tree->owner, tree->owners, &tree->capacity, sizeof(struct owner *));
    if (!owners)
        return false;
    tree->owner = owners;
    owner->ino = tree->ino_next;
    owner->span = span;
    tree->ino_next += span;
    tree->owner[tree->owners++] = owner;
    tree->counts.versions += owner->kind == OWNER_VERSION;
    return true;
}

/* The number of owners whose range begins at or below ino. */
static size_t count_below(const struct sl_tree *tree, uint64_t ino)
{
    return SL_BISECT(i, 0, tree->owners, tree->owner[i]->ino <= ino);
}

struct owner *sl_owner_find(struct sl_tree *tree, uint64_t ino)
{
    size_t i = count_below(tree, ino);
    if (i == 0 || ino - tree->owner[i - 1]->ino >= tree->owner[i - 1]->span)
        return NULL;
    return tree->owner[i - 1];
}

void sl_owner_leave(struct sl_tree *tree, struct owner *owner)
{
    size_t i = count_below(tree, owner->ino);
    sl_assert(i > 0 && tree->owner[i - 1] == owner);
    memmove(&tree->owner[i - 1], &tree->owner[i], (tree->owners - i) * sizeof(struct owner *));
    tree->owners--;
    tree->counts.versions -= owner->kind == OWNER_VERSION;
}

static void bury_if_unneeded(struct sl_tree *tree, struct owner *owner)
{
    if (!owner->retired || owner->pins || owner->lookups)
        return;
    sl_owner_leave(tree, owner);
    tree->counts.pinned -= owner->kind == OWNER_VERSION;
    owner->next_dead = tree->dead;
    tree->dead = owner;
}

void sl_owner_pin(struct owner *owner)
{
    if (owner)
        owner->pins++;
}

void sl_owner_unpin(struct sl_tree *tree, struct owner *owner)
{
    if (!owner)
        return;
    sl_assert(owner->pins > 0);
    owner->pins--;
    bury_if_unneeded(tree, owner);
}

void sl_owner_retire(struct sl_tree *tree, struct owner *owner)
{
    sl_assert(!owner->retired);
    owner->retired = true;
    tree->counts.pinned += owner->kind == OWNER_VERSION;
    bury_if_unneeded(tree, owner);
}

void sl_owner_looked_up(struct sl_tree *tree, struct owner *owner)
{
    tree->counts.lookups++;
    if (owner)
        owner->lookups++;
    else
        tree->lookups_fixed++;
}

void sl_owner_forget(struct sl_tree *tree, struct owner *owner, uint64_t lookups)
{
    uint64_t *held = owner ? &owner->lookups : &tree->lookups_fixed;
    sl_assert(*held >= lookups);
    *held -= lookups;
    tree->counts.lookups -= lookups;
    if (owner)
        bury_if_unneeded(tree, owner);
}

static void version_free(struct version *version)
{
    for (int kind = 0; kind < SL_RENDER_KINDS; kind++)
        sl_rendering_unref(version->file[kind].rendering);
    sl_keys_free(version->keys);
    sl_version_unref(version->shown);
    sl_version_unref(version->before);
    free(version);
}

static void log_file_free(struct log_file *log)
{
    for (size_t i = 0; i < log->blocks; i++)
        sl_rendering_unref(log->block[i].rendering);
    free(log->block);
    free(log);
}

void sl_owner_free(struct owner *owner)
{
    if (!owner)
        return;
    switch (owner->kind) {
    case OWNER_VERSION:
        version_free(as_version(owner));
        return;
    case OWNER_DOCUMENT:
        sl_rendering_unref(as_document(owner)->rendering);
        free(owner);
        return;
    case OWNER_LOG_FILE:
        log_file_free(as_log_file(owner));
        return;
    }
}
