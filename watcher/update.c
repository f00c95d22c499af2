/* Brings what is known of a directory up to date, on the main thread and only when asked: hints are merged
 * per name first (the last one counts: what was closed and then created anew is being written), then each
 * name is looked at once, and all names where a scan is due (watcher/dir_scan.c). */
#include "core/base/array.h"
#include "core/contract/names.h"
#include "watcher/consumed.h"
#include "watcher/watched_dir.h"

#include <string.h>

enum { LARGE_BYTES = 1 << 20 };

/* ---- hints ---- */

static bool touch(struct sl_watched_dir *intake, struct sl_entry *entry)
{
    if (entry->touched)
        return true;
    struct sl_entry **grown =
        sl_array_grow(intake->touched, intake->touched_count, &intake->touched_capacity, sizeof *grown);
    if (!grown)
        return false;
    intake->touched = grown;
    intake->touched[intake->touched_count++] = entry;
    entry->touched = true;
    return true;
}

static void merge(struct sl_entry *entry, enum sl_hint_kind kind)
{
    if (kind == SL_HINT_LEFT)
        entry->left = true;
    entry->hint = kind == SL_HINT_LEFT ? SL_HINT_NONE : (uint8_t)kind;
}

/* A marker concerns its file, which is checked again but did not change. */
static bool take_hint(struct sl_watched_dir *intake, const struct sl_hint *hint)
{
    char marked[SL_NAME_MAX + 1];
    bool marker = intake->options.complete && sl_marker_for(intake->options.complete, hint->name, marked);
    const char *name = marker ? marked : hint->name;
    if (sl_name_ignored(name))
        return true;
    struct sl_entry *entry = sl_entries_add(&intake->entries, name);
    if (!entry || !touch(intake, entry))
        return false;
    if (!marker)
        merge(entry, hint->kind);
    return true;
}

static int take_hints(struct sl_watched_dir *intake, struct sl_error *err)
{
    struct sl_hint hint;
    for (size_t at = 0; sl_events_next(&intake->batch, &at, &hint);)
        if (!take_hint(intake, &hint))
            return sl_error_nomem(err);
    return 0;
}

static int look_at_touched(struct sl_watched_dir *intake, struct sl_error *err)
{
    for (size_t i = 0; i < intake->touched_count; i++) {
        int rc = sl_watched_dir_classify(intake, intake->touched[i], err);
        if (rc)
            return rc;
    }
    return 0;
}

/* ---- what is held back ---- */

static bool is_due(const struct sl_watched_dir *intake, const struct sl_entry *entry, int64_t now_ms)
{
    if (entry->looked == intake->round)
        return false;
    return intake->batch.ticked ||
           (entry->standing == SL_STANDING_AGING && now_ms - entry->changed_ms >= intake->options.age_min_ms);
}

static int recheck(struct sl_watched_dir *intake, struct sl_error *err)
{
    int64_t now = intake->clock->now_ms(intake->clock);
    if (!intake->batch.ticked && now < intake->aging_due_ms)
        return 0;
    struct sl_entry *next;
    for (struct sl_entry *entry = intake->entries.first[SL_LIST_DELAYED]; entry; entry = next) {
        next = entry->after; /* judging one moves or frees that one only */
        int rc = is_due(intake, entry, now) ? sl_watched_dir_classify(intake, entry, err) : 0;
        if (rc)
            return rc;
    }
    return 0;
}

static int64_t next_aging_due_ms(const struct sl_watched_dir *intake)
{
    int64_t due = INT64_MAX;
    if (!intake->entries.standing[SL_STANDING_AGING])
        return due;
    for (struct sl_entry *entry = intake->entries.first[SL_LIST_DELAYED]; entry; entry = entry->after) {
        int64_t at = entry->changed_ms + intake->options.age_min_ms;
        if (entry->standing == SL_STANDING_AGING && at < due)
            due = at;
    }
    return due;
}

/* ---- the directory itself ---- */

/* why: it could not be watched. */
static int poll_instead(struct sl_watched_dir *intake, const struct sl_error *why, struct sl_error *err)
{
    if (intake->options.watch == SL_WATCH_INOTIFY) {
        intake->watch_due = true;
        if (err)
            *err = *why;
        return sl_error_wrap(err, "watched directory %s", intake->place.path);
    }
    intake->polling = true;
    sl_log(intake->log, SL_LOG_WARNING, "%s: %s; it is scanned every pollInterval instead",
           intake->place.path, why->text);
    return 0;
}

int sl_watched_dir_watch(struct sl_watched_dir *intake, struct sl_error *err)
{
    struct sl_error why = {0};
    intake->watch_due = false;
    intake->scan_due = true; /* watch first, scan second */
    if (intake->polling)
        return 0;
    int rc = sl_notify_watch(intake->notify, &intake->hints, intake->place.fd, &why);
    return rc ? poll_instead(intake, &why, err) : 0;
}

/* The kernel goes through all names of the directory that it knows. */
static bool takes_long(const struct sl_watched_dir *intake)
{
    return intake->place.who.size >= LARGE_BYTES;
}

int sl_watched_dir_begin_watch(struct sl_watched_dir *intake, struct sl_error *err)
{
    if (!intake->polling && intake->options.watch != SL_WATCH_INOTIFY && takes_long(intake))
        intake->watching = sl_notify_watch_begin(intake->notify, &intake->hints, intake->place.fd);
    intake->scan_due = true;
    return intake->watching ? 0 : sl_watched_dir_watch(intake, err);
}

static int end_watch(struct sl_watched_dir *intake, struct sl_error *err)
{
    struct sl_error why = {0};
    struct sl_watching *watching = intake->watching;
    intake->watching = NULL;
    int rc = watching ? sl_notify_watch_end(intake->notify, watching, &why) : 0;
    return rc ? poll_instead(intake, &why, err) : 0;
}

struct forgetting {
    struct sl_watched_dir *intake;
    struct sl_error *err;
};

static int forget_entry(void *arg, struct sl_entry *entry)
{
    const struct forgetting *forgetting = arg;
    return sl_consumed_forget(forgetting->intake, entry, forgetting->err);
}

static int forget_all(struct sl_watched_dir *intake, struct sl_error *err)
{
    struct forgetting forgetting = {intake, err};
    const struct sl_packed_file *packed;
    char name[SL_PACKED_NAME_MAX + 1];
    int rc = sl_entries_each(&intake->entries, forget_entry, &forgetting);
    for (size_t at = 0; rc == 0 && (packed = sl_packed_files_next(&intake->entries.packed, &at));) {
        memcpy(name, packed->name, packed->name_len);
        name[packed->name_len] = 0;
        struct sl_entry *entry = sl_entries_add(&intake->entries, name); /* takes it out of the packed ones */
        rc = entry ? sl_consumed_forget(intake, entry, err) : sl_error_nomem(err);
    }
    return rc;
}

static const char *what_is_missing(const struct sl_watched_dir *intake)
{
    if (intake->removed)
        return "the directory was removed or moved away; what was taken of it is forgotten";
    if (intake->absence == SL_PLACE_FOREIGN)
        return "another file system is there now; waiting for the one that was watched to be mounted again "
               "(run it with --accept-changes to take what is there)";
    if (intake->absence == SL_PLACE_STRANGE)
        return "a symbolic link of another user leads to what is not that user's; waiting for the directory that was "
               "watched";
    if (intake->absence == SL_PLACE_CLOSED)
        return "this user may not read the watched directory any more; waiting until it may";
    return "the watched directory was removed or renamed; waiting until it exists again";
}

/* Events of a directory that was renamed are not ours: ticks make us look for it. */
static int miss(struct sl_watched_dir *intake, enum sl_dir_path_state state, struct sl_error *err)
{
    bool is_known = intake->missing && intake->absence == state, was_removed = is_known && intake->removed;
    intake->watch_due = intake->scan_due = true;
    intake->removed = state == SL_PLACE_MISSING && intake->options.base &&
                      sl_dir_path_is_removed(&intake->place, intake->options.base);
    intake->absence = state;
    if (!intake->missing) {
        intake->missing = true;
        intake->missing_ms = intake->clock->now_ms(intake->clock);
        sl_notify_unwatch(intake->notify, &intake->hints);
    }
    if (!is_known || was_removed != intake->removed)
        sl_log(intake->log, intake->removed ? SL_LOG_INFO : SL_LOG_WARNING, "%s: %s", intake->place.path,
               what_is_missing(intake));
    return intake->removed ? forget_all(intake, err) : 0;
}

/* Enters the directory and sees to it that what is watched is what the path names. */
static int find_place(struct sl_watched_dir *intake, struct sl_error *err)
{
    enum sl_dir_path_state state;
    int rc = sl_dir_path_enter(&intake->place, &state, err);
    if (rc)
        return rc;
    if (state != SL_PLACE_SAME && state != SL_PLACE_REPLACED)
        return miss(intake, state, err);
    if (state == SL_PLACE_REPLACED && !intake->missing)
        sl_log(intake->log, SL_LOG_WARNING, "%s: another directory has this name now", intake->place.path);
    intake->awaits_home = false;
    intake->home_due = intake->home_due || state == SL_PLACE_REPLACED;
    if (intake->missing)
        sl_log(intake->log, SL_LOG_INFO, "%s: the watched directory is there again", intake->place.path);
    intake->missing = intake->removed = false;
    return state == SL_PLACE_REPLACED || intake->watch_due ? sl_watched_dir_watch(intake, err) : 0;
}

/* ---- all of it ---- */

static int update(struct sl_watched_dir *intake, struct sl_error *err)
{
    int rc = end_watch(intake, err);
    if (rc == 0)
        rc = take_hints(intake, err);
    if (rc == 0)
        rc = find_place(intake, err);
    if (rc || intake->missing)
        return rc;
    rc = look_at_touched(intake, err); /* first, in the order of arrival, which a scan does not know */
    if (rc == 0 && intake->scan_due)
        rc = sl_watched_dir_scan(intake, err);
    if (rc)
        return rc;
    intake->scan_due = false;
    return recheck(intake, err);
}

int sl_watched_dir_update(struct sl_watched_dir *intake, bool scan, struct sl_error *err)
{
    intake->round++;
    intake->told = 0;
    sl_events_take(&intake->hints, &intake->batch);
    if (intake->batch.lost)
        intake->watch_due = true;
    if (scan || intake->batch.rescan || (intake->polling && intake->batch.ticked))
        intake->scan_due = true;
    int rc = update(intake, err);
    intake->touched_count = 0;
    if (rc)
        intake->scan_due = true;
    intake->aging_due_ms = next_aging_due_ms(intake);
    return rc;
}
