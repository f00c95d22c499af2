#include "watcher/watcher.h"

#include "watcher/arrivals.h"

#include <stdlib.h>

struct sl_watcher {
    struct sl_notify *notify;
};

int sl_watcher_new(struct sl_io *io, void (*wake)(void *arg), void *wake_arg, struct sl_watcher **ret,
                   struct sl_error *err)
{
    struct sl_watcher *watcher = calloc(1, sizeof *watcher);
    if (!watcher)
        return sl_error_nomem(err);
    int rc = sl_notify_new(io, wake, wake_arg, &watcher->notify, err);
    if (rc) {
        free(watcher);
        return rc;
    }
    *ret = watcher;
    return 0;
}

void sl_watcher_free(struct sl_watcher *watcher)
{
    if (!watcher)
        return;
    sl_notify_free(watcher->notify);
    free(watcher);
}

int sl_watcher_open_arrivals(const struct sl_services *services, const char *dir,
                             const struct sl_arrivals_options *options, struct sl_arrivals **ret,
                             struct sl_error *err)
{
    struct sl_watcher *watcher = services->arrivals_arg;
    return sl_watched_dir_open(services, watcher->notify, dir, options, ret, err);
}

/* They are in lists in the order in which they were seen. */
static int64_t oldest_of(const struct sl_entries *entries)
{
    const struct sl_entry *ready = entries->first[SL_LIST_READY], *delayed = entries->first[SL_LIST_DELAYED];
    if (!ready || !delayed)
        return ready ? ready->changed_ms : delayed ? delayed->changed_ms : 0;
    return ready->changed_ms < delayed->changed_ms ? ready->changed_ms : delayed->changed_ms;
}

static const char *why_missing(const struct sl_watched_dir *intake)
{
    return intake->absence == SL_PLACE_FOREIGN   ? "another file system is in its place"
           : intake->absence == SL_PLACE_STRANGE ? "a link of another user leads elsewhere"
           : intake->absence == SL_PLACE_CLOSED  ? "this user may not read it"
                                                 : "it does not exist";
}

void sl_watcher_counts(const struct sl_arrivals *arrivals, struct sl_watcher_counts *ret)
{
    const struct sl_watched_dir *intake = (const struct sl_watched_dir *)arrivals;
    *ret = (struct sl_watcher_counts){
        .ignored = intake->ignored,
        .changed = intake->changed,
        .again = intake->again,
        .scans = intake->scans,
        .polling = intake->polling,
        .path = intake->place.path,
        .oldest_ms = oldest_of(&intake->entries),
        .missing_ms = intake->missing && !intake->removed ? intake->missing_ms : 0,
        .missing = intake->missing && !intake->removed ? why_missing(intake) : NULL,
    };
    for (int i = 0; i < SL_STANDINGS; i++)
        ret->standing[i] = intake->entries.standing[i];
}

enum sl_file_class sl_watcher_standing(const struct sl_arrivals *arrivals, const char *name)
{
    const struct sl_watched_dir *intake = (const struct sl_watched_dir *)arrivals;
    const struct sl_entry *entry = sl_entries_find(&intake->entries, name);
    if (!entry && sl_entries_find_packed(&intake->entries, name))
        return SL_STANDING_TAKEN;
    return entry ? (enum sl_file_class)entry->standing : SL_STANDING_NEW;
}

void sl_watcher_each_unfinished(const struct sl_arrivals *arrivals, size_t most,
                                sl_watcher_visit_unfinished *visit, void *arg)
{
    enum { LOOKED_AT_MAX = 1000 };
    const struct sl_watched_dir *intake = (const struct sl_watched_dir *)arrivals;
    const struct sl_entry *entry = intake->entries.first[SL_LIST_DELAYED];
    if (!intake->entries.standing[SL_STANDING_UNFINISHED])
        return;
    for (size_t i = 0; entry && most && i < LOOKED_AT_MAX; i++, entry = entry->after) {
        if (entry->standing != SL_STANDING_UNFINISHED)
            continue;
        char *path = sl_watched_dir_path(intake, entry->name, NULL);
        if (path)
            visit(arg, path, entry->changed_ms);
        free(path);
        most--;
    }
}
