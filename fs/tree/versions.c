/* The lifetime of versions: published, listed, retired. */
#include "core/base/bisect.h"
#include "fs/tree/tree_internal.h"

#include "core/base/array.h"
#include "core/base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long a version that is no longer listed can still be found by name, and how many of them: a reader that is delayed
 * between reading the link `now` and following it must still find the target. So must a reader that gets an old target
 * of `now` from the kernel's caches, which are at most a few swaps late. */
enum { LINGER_NS = 1000000000, LINGER_MAX = 1024, UNTOLD_MAX = 64 * 1024 };

struct version *sl_view_find(const struct view *view, const char *name)
{
    char *end;
    int64_t time_ms = strtoll(name, &end, 10);
    size_t low = SL_BISECT(i, 0, view->count, view->version[i]->time_ms < time_ms);
    if (low == view->count || strcmp(view->version[low]->name, name) != 0)
        return NULL; /* " 7", "+7" and "07" are not the name of 7 */
    return view->version[low];
}

/* Removes it from the kernel's caches: first the keys, which may be very many, with their directory, then the rest. */
static void retire_version(struct sl_tree *tree, struct version *version)
{
    struct owner *owner = &version->owner;
    if (version->keys_seen && owner->lookups)
        (void)sl_tree_notice(tree, SL_NOTICE_DROP, owner->ino + INO_DIR, owner->ino + INO_KEYS, "keys");
    if (owner->lookups)
        (void)sl_tree_notice(tree, SL_NOTICE_DROP, owner->view->ino + SLOT_AT, owner->ino + INO_DIR,
                             version->name);
    sl_owner_retire(tree, owner);
}

/* Whether the i-th version, which is no longer listed, can be retired. */
static bool has_lingered(const struct sl_tree *tree, const struct view *view, size_t i, size_t unlisted,
                         int64_t now_ns)
{
    if (view->version[i + 1]->published > tree->notified)
        return unlisted - i > UNTOLD_MAX;
    return unlisted - i > LINGER_MAX || view->version[i]->unlisted_ns + LINGER_NS < now_ns;
}

void sl_view_retire_old(struct sl_tree *tree, struct view *view)
{
    size_t unlisted = sl_view_first_listed(view), gone = 0;
    int64_t now_ns = sl_monotonic_ns();
    if (unlisted > 0 && view->version[unlisted - 1]->unlisted_ns == 0)
        view->version[unlisted - 1]->unlisted_ns = now_ns;
    while (gone < unlisted && has_lingered(tree, view, gone, unlisted, now_ns))
        retire_version(tree, view->version[gone++]);
    if (gone == 0)
        return;
    view->count -= gone;
    memmove(view->version, view->version + gone, view->count * sizeof(struct version *));
}

static struct version *version_new(struct view *view, struct sl_version *shown)
{
    struct version *version = calloc(1, sizeof *version);
    if (!version)
        return NULL;
    version->owner = (struct owner){.kind = OWNER_VERSION, .view = view};
    version->shown = sl_version_ref(shown);
    version->time_ms = shown->time_ms;
    version->keys_possible = sl_keys_possible(shown->rows);
    snprintf(version->name, sizeof version->name, "%" PRId64, shown->time_ms);
    return version;
}

static bool reserve_version(struct view *view)
{
    struct version **versions =
        sl_array_grow(view->version, view->count, &view->capacity, sizeof(struct version *));
    if (!versions)
        return false;
    view->version = versions;
    return true;
}

/* The notice is queued before the swap, under the lock: a request that it causes waits for the lock and then finds the
 * new version. */
static bool enter_version(struct sl_tree *tree, struct view *view, struct version *version)
{
    struct version *old = sl_view_newest(view);
    uint64_t span = INO_KEY + version->shown->rows->count;
    sl_assert(!old || old->time_ms < version->time_ms);
    if (!reserve_version(view) || !sl_owner_enter(tree, &version->owner, span))
        return false;
    if (old && old->owner.lookups &&
        !sl_tree_notice(tree, SL_NOTICE_GONE, view->ino, old->owner.ino + INO_NOW, "now")) {
        sl_owner_leave(tree, &version->owner);
        return false;
    }
    version->before = old ? sl_version_ref(old->shown) : NULL;
    version->number = ++view->published;
    version->published = ++tree->published;
    view->time_ms = version->time_ms;
    view->version[view->count++] = version;
    return true;
}

uint64_t sl_tree_published(struct sl_tree *tree)
{
    sl_tree_lock(tree);
    uint64_t published = tree->published;
    sl_tree_unlock(tree);
    return published;
}

void sl_tree_notified(struct sl_tree *tree, uint64_t published)
{
    sl_tree_lock(tree);
    sl_assert(published <= tree->published);
    if (published > tree->notified)
        tree->notified = published;
    sl_tree_unlock(tree);
}

int sl_tree_publish(struct sl_tree *tree, size_t view, struct sl_version *shown, struct sl_error *err)
{
    sl_assert(view < tree->options.views);
    struct version *version = version_new(&tree->view[view], shown);
    if (!version)
        return sl_error_nomem(err);
    sl_tree_lock(tree);
    bool entered = enter_version(tree, &tree->view[view], version);
    if (entered) {
        sl_view_retire_old(tree, &tree->view[view]);
        sl_log_published(tree, &tree->view[view]);
    }
    pthread_mutex_unlock(&tree->lock); /* the housekeeping thread frees what has no users */
    if (!entered)
        sl_owner_free(&version->owner);
    return entered ? 0 : sl_error_nomem(err);
}

struct sl_version *sl_tree_newest(struct sl_tree *tree, size_t view)
{
    pthread_mutex_lock(&tree->lock);
    const struct version *newest = sl_view_newest(&tree->view[view]);
    struct sl_version *shown = newest && newest->shown ? sl_version_ref(newest->shown) : NULL;
    pthread_mutex_unlock(&tree->lock);
    return shown;
}
