#include "watcher/see.h"

#include "core/base/pool.h"
#include "watcher/consumed.h"

#include <stdlib.h>
#include <string.h>

enum {
    SHARED_MIN = 128, /* names: fewer are done before other threads have begun */
    TASK = 16,
};

struct sight {
    struct sl_watched_dir *intake;
    struct sl_entry *const *entry;
    size_t count;
    struct sl_seen *seen; /* NULL: whether they are the same */
};

static void see_one(const struct sight *sight, size_t i)
{
    struct sl_entry *entry = sight->entry[i];
    if (sight->seen)
        sl_watched_dir_see(sight->intake, entry, &sight->seen[i]);
    else if (entry->looked != sight->intake->round && sl_see_same(sight->intake, entry))
        entry->looked = sight->intake->round;
}

static int work(void *arg, size_t task, unsigned worker, struct sl_error *err)
{
    const struct sight *sight = arg;
    (void)worker;
    (void)err; /* what fails is tried again, and reported, by the main thread */
    for (size_t i = task * TASK; i < sight->count && i < (task + 1) * TASK; i++)
        see_one(sight, i);
    return 0;
}

static int see_all(struct sight *sight, struct sl_error *err)
{
    return sl_pool_run(sight->intake->pool, (sight->count + TASK - 1) / TASK, work, sight, err);
}

int sl_see(struct sl_watched_dir *intake, struct sl_entry *const *entry, size_t count, struct sl_seen *seen,
           struct sl_error *err)
{
    struct sight sight = {intake, entry, count, seen};
    sl_assert(count <= SL_SEEN_MAX);
    if (intake->pool && count >= SHARED_MIN)
        return see_all(&sight, err);
    for (size_t i = 0; i < count; i++)
        seen[i].is_seen = seen[i].is_asked = false;
    return 0;
}

/* ---- that wait ---- */

bool sl_see_same(const struct sl_watched_dir *intake, const struct sl_entry *entry)
{
    const struct sl_dir_path *place = &intake->place;
    struct sl_file_stat look;
    return sl_file_stat_get(intake->io, place->fd, place->path, entry->name, &look, NULL) == 0 &&
           sl_consumed_same(&look, &entry->look) && look.ctime_ns == entry->look.ctime_ns;
}

int sl_see_waiting(struct sl_watched_dir *intake, struct sl_entry *entry, uint64_t most, size_t *ret_count,
                   struct sl_error *err)
{
    struct sl_entry *waiting[SL_SEEN_MAX];
    size_t count = 0;
    for (; entry && count < SL_SEEN_MAX && count < most; entry = entry->after)
        waiting[count++] = entry;
    *ret_count = count;
    struct sight sight = {.intake = intake, .entry = waiting, .count = count};
    return intake->pool && count >= SHARED_MIN ? see_all(&sight, err) : 0;
}
