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

bool sl_owner_enter(struct sl_tree *tree, struct owner *thing, uint64_t span)
{
    struct owner **things = sl_array_grow(tree->thing, tree->things, &tree->capacity, sizeof(struct owner *));
    if (!things)
        return false;
    tree->thing = things;
    thing->ino = tree->ino_next;
    thing->span = span;
    tree->ino_next += span;
    tree->thing[tree->things++] = thing;
    tree->counts.versions += thing->kind == THING_VERSION;
    return true;
}

/* The number of things that begin at or below ino. */
static size_t count_below(const struct sl_tree *tree, uint64_t ino)
{
    return SL_BISECT(i, 0, tree->things, tree->thing[i]->ino <= ino);
}

struct owner *sl_owner_find(struct sl_tree *tree, uint64_t ino)
{
    size_t i = count_below(tree, ino);
    if (i == 0 || ino - tree->thing[i - 1]->ino >= tree->thing[i - 1]->span)
        return NULL;
    return tree->thing[i - 1];
}

void sl_owner_leave(struct sl_tree *tree, struct owner *thing)
{
    size_t i = count_below(tree, thing->ino);
    sl_assert(i > 0 && tree->thing[i - 1] == thing);
    memmove(&tree->thing[i - 1], &tree->thing[i], (tree->things - i) * sizeof(struct owner *));
    tree->things--;
    tree->counts.versions -= thing->kind == THING_VERSION;
}

static void bury_if_unneeded(struct sl_tree *tree, struct owner *thing)
{
    if (!thing->retired || thing->pins || thing->lookups)
        return;
    sl_owner_leave(tree, thing);
    tree->counts.pinned -= thing->kind == THING_VERSION;
    thing->next_dead = tree->dead;
    tree->dead = thing;
}

void sl_owner_pin(struct owner *thing)
{
    if (thing)
        thing->pins++;
}

void sl_owner_unpin(struct sl_tree *tree, struct owner *thing)
{
    if (!thing)
        return;
    sl_assert(thing->pins > 0);
    thing->pins--;
    bury_if_unneeded(tree, thing);
}

void sl_owner_retire(struct sl_tree *tree, struct owner *thing)
{
    sl_assert(!thing->retired);
    thing->retired = true;
    tree->counts.pinned += thing->kind == THING_VERSION;
    bury_if_unneeded(tree, thing);
}

void sl_owner_looked_up(struct sl_tree *tree, struct owner *thing)
{
    tree->counts.lookups++;
    if (thing)
        thing->lookups++;
    else
        tree->lookups_fixed++;
}

void sl_owner_forget(struct sl_tree *tree, struct owner *thing, uint64_t lookups)
{
    uint64_t *held = thing ? &thing->lookups : &tree->lookups_fixed;
    sl_assert(*held >= lookups);
    *held -= lookups;
    tree->counts.lookups -= lookups;
    if (thing)
        bury_if_unneeded(tree, thing);
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

static void segment_free(struct log_file *segment)
{
    for (size_t i = 0; i < segment->blocks; i++)
        sl_rendering_unref(segment->block[i].rendering);
    free(segment->block);
    free(segment);
}

void sl_owner_free(struct owner *thing)
{
    if (!thing)
        return;
    switch (thing->kind) {
    case THING_VERSION:
        version_free(as_version(thing));
        return;
    case THING_DOCUMENT:
        sl_rendering_unref(as_document(thing)->rendering);
        free(thing);
        return;
    case THING_SEGMENT:
        segment_free(as_log_file(thing));
        return;
    }
}
