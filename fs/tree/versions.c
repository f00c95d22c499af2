/* Versions come and go: publishing, keeping, retiring. */
#include "core/base/bisect.h"
#include "fs/tree/tree_internal.h"

#include "core/base/array.h"
#include "core/base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long, and how many, versions that are listed no more can still be found: a reader who was held up
 * between reading `now` and following it must not meet a name that is gone. Nor may one who reads `now` while
 * the caches above still lead to an old version; those have little to catch up on, if anything. */
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

/* What the kernel has of it is dropped: first the keys, which may be very many, under a directory that nobody
 * needs, then the rest. */
static void retire_version(struct sl_tree *tree, struct version *version)
{
    struct owner *thing = &version->thing;
    if (version->keys_seen && thing->lookups)
        (void)sl_tree_notice(tree, SL_NOTICE_DROP, thing->ino + INO_DIR, thing->ino + INO_KEYS, "keys");
    if (thing->lookups)
        (void)sl_tree_notice(tree, SL_NOTICE_DROP, thing->view->ino + SLOT_AT, thing->ino + INO_DIR,
                             version->name);
    sl_owner_retire(tree, thing);
}

/* Whether the i-th version, one of those that are listed no more, has lingered long enough. */
static bool has_lingered(const struct sl_tree *tree, const struct view *view, size_t i, size_t unlisted,
                         int64_t now_ns)
{
    if (view->version[i + 1]->published > tree->told)
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
    version->thing = (struct owner){.kind = THING_VERSION, .view = view};
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

/* The caches are told before the swap, under the lock: whoever asks because of it waits for the lock, and
 * then sees the new version. */
static bool enter_version(struct sl_tree *tree, struct view *view, struct version *version)
{
    struct version *old = sl_view_newest(view);
    uint64_t span = INO_KEY + version->shown->rows->count;
    sl_assert(!old || old->time_ms < version->time_ms);
    if (!reserve_version(view) || !sl_owner_enter(tree, &version->thing, span))
        return false;
    if (old && old->thing.lookups &&
        !sl_tree_notice(tree, SL_NOTICE_GONE, view->ino, old->thing.ino + INO_NOW, "now")) {
        sl_owner_leave(tree, &version->thing);
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

void sl_tree_told(struct sl_tree *tree, uint64_t published)
{
    sl_tree_lock(tree);
    sl_assert(published <= tree->published);
    if (published > tree->told)
        tree->told = published;
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
    pthread_mutex_unlock(&tree->lock); /* freeing the dead is for a thread that has the time */
    if (!entered)
        sl_owner_free(&version->thing);
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
