/* Brings what is known of a directory up to date, on the main thread and only when asked: hints are merged
 * per name first (the last one counts: what was closed and then created anew is being written), then each
 * name is looked at once. A scan looks at every name and at every entry that it did not meet; only a look
 * decides that something is absent. */
#include "core/base/array.h"
#include "core/contract/names.h"
#include "watcher/consumed.h"
#include "watcher/scan.h"
#include "watcher/watched_dir.h"

#include <stdlib.h>
#include <string.h>

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

/* ---- scans ---- */

/* Names that were read and are not looked at yet: what is known of them is fetched meanwhile. */
struct ahead {
    const char *name[SL_ENTRIES_AHEAD];
    char text[SL_ENTRIES_AHEAD][SL_NAME_MAX + 1];
    size_t count;
};

struct scan {
    struct sl_watched_dir *intake;
    struct ahead ahead;
    struct sl_entry **fresh; /* seen for the first time: in name order, after those that wait */
    size_t count, capacity;
    struct sl_error *err;
};

static bool keep_fresh(struct scan *scan, struct sl_entry *entry)
{
    struct sl_entry **grown = sl_array_grow(scan->fresh, scan->count, &scan->capacity, sizeof *grown);
    if (!grown)
        return false;
    scan->fresh = grown;
    scan->fresh[scan->count++] = entry;
    return true;
}

static bool is_marker(const struct sl_watched_dir *intake, const char *name)
{
    char marked[SL_NAME_MAX + 1];
    return intake->options.complete && sl_marker_for(intake->options.complete, name, marked);
}

/* It is packed again where it is the file that was taken. */
static int look_at_taken(const struct scan *scan, struct sl_entry *entry, const char *name)
{
    struct sl_watched_dir *intake = scan->intake;
    int rc = sl_watched_dir_classify(intake, entry, scan->err);
    entry = rc ? NULL : sl_entries_find(&intake->entries, name); /* it may have been freed */
    if (entry)
        sl_entries_pack(&intake->entries, entry);
    return rc;
}

/* Nearly always what was packed is what is there. */
static int look_at_packed(const struct scan *scan, struct sl_packed_file *packed, const char *name)
{
    struct sl_watched_dir *intake = scan->intake;
    struct sl_file_stat look;
    if (packed->scan == (uint32_t)intake->scans)
        return 0; /* as below */
    int rc = sl_file_stat_get(intake->io, intake->place.fd, intake->place.path, name, &look, scan->err);
    if (rc || sl_consumed_confirm(packed, &look, (uint32_t)intake->scans))
        return rc;
    struct sl_entry *entry = sl_entries_add(&intake->entries, name);
    if (!entry)
        return sl_error_nomem(scan->err);
    entry->scan = intake->scans;
    return look_at_taken(scan, entry, name);
}

static int look_at_name(struct scan *scan, const char *name)
{
    struct sl_watched_dir *intake = scan->intake;
    struct sl_packed_file *packed = sl_entries_find_packed(&intake->entries, name);
    if (packed)
        return look_at_packed(scan, packed, name);
    struct sl_entry *entry = sl_entries_add(&intake->entries, name);
    if (!entry)
        return sl_error_nomem(scan->err);
    if (entry->scan == intake->scans)
        return 0; /* renamed while we read: file systems may show it twice */
    entry->scan = intake->scans;
    if (entry->looked == intake->round)
        return 0; /* hinted at */
    if (entry->standing == SL_STANDING_TAKEN)
        return look_at_taken(scan, entry, name);
    if (entry->standing != SL_STANDING_NEW)
        return sl_watched_dir_classify(intake, entry, scan->err);
    return keep_fresh(scan, entry) ? 0 : sl_error_nomem(scan->err);
}

static int look_at_ahead(struct scan *scan)
{
    struct ahead *ahead = &scan->ahead;
    int rc = 0;
    sl_entries_prefetch(&scan->intake->entries, ahead->name, ahead->count);
    for (size_t i = 0; rc == 0 && i < ahead->count; i++)
        rc = look_at_name(scan, ahead->name[i]);
    ahead->count = 0;
    return rc;
}

static int each_name(void *arg, const char *name)
{
    struct scan *scan = arg;
    struct sl_watched_dir *intake = scan->intake;
    struct ahead *ahead = &scan->ahead;
    size_t len = strlen(name);
    if (is_marker(intake, name))
        return 0;
    if (sl_name_ignored(name)) {
        intake->ignored++;
        return 0;
    }
    if (len > SL_NAME_MAX)
        return look_at_name(scan, name);
    ahead->name[ahead->count] = memcpy(ahead->text[ahead->count], name, len + 1);
    return ++ahead->count < SL_ENTRIES_AHEAD ? 0 : look_at_ahead(scan);
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(struct sl_entry *const *)a)->name, (*(struct sl_entry *const *)b)->name);
}

static int judge_fresh(struct scan *scan)
{
    if (scan->count)
        qsort(scan->fresh, scan->count, sizeof(struct sl_entry *), by_name);
    for (size_t i = 0; i < scan->count; i++) {
        int rc = sl_watched_dir_classify(scan->intake, scan->fresh[i], scan->err);
        if (rc)
            return rc;
    }
    return 0;
}

static int judge_unmet(void *arg, struct sl_entry *entry)
{
    struct scan *scan = arg;
    const struct sl_watched_dir *intake = scan->intake;
    bool met = entry->scan == intake->scans || entry->looked == intake->round;
    return met ? 0 : sl_watched_dir_classify(scan->intake, entry, scan->err);
}

/* Their names were not met. */
static int judge_unmet_packed(const struct scan *scan)
{
    struct sl_watched_dir *intake = scan->intake;
    const struct sl_packed_file *packed;
    char name[SL_PACKED_NAME_MAX + 1];
    for (size_t at = 0; (packed = sl_packed_files_next(&intake->entries.packed, &at));) {
        if (packed->scan == (uint32_t)intake->scans) {
            at++;
            continue;
        }
        memcpy(name, packed->name, packed->name_len);
        name[packed->name_len] = 0;
        struct sl_entry *entry = sl_entries_add(&intake->entries, name); /* takes it out of the packed ones */
        if (!entry)
            return sl_error_nomem(scan->err);
        int rc = sl_watched_dir_classify(intake, entry, scan->err);
        if (rc)
            return rc;
    }
    return 0;
}

int sl_watched_dir_scan(struct sl_watched_dir *intake, struct sl_error *err)
{
    struct scan scan = {.intake = intake, .err = err};
    intake->scans++;
    intake->ignored = 0;
    int rc = sl_scan(intake->io, intake->place.fd, ".", intake->place.path, each_name, &scan, err);
    if (rc == 0)
        rc = look_at_ahead(&scan);
    if (rc == 0)
        rc = judge_fresh(&scan);
    if (rc == 0)
        rc = sl_entries_each(&intake->entries, judge_unmet, &scan);
    if (rc == 0)
        rc = judge_unmet_packed(&scan);
    free(scan.fresh);
    return rc;
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

int sl_watched_dir_watch(struct sl_watched_dir *intake, struct sl_error *err)
{
    struct sl_error why = {0};
    intake->watch_due = false;
    intake->scan_due = true; /* watch first, scan second */
    if (intake->polling)
        return 0;
    int rc = sl_notify_watch(intake->notify, &intake->hints, intake->place.fd, &why);
    if (rc == 0)
        return 0;
    if (intake->options.watch == SL_WATCH_INOTIFY) {
        intake->watch_due = true;
        if (err)
            *err = why;
        return sl_error_wrap(err, "watched directory %s", intake->place.path);
    }
    intake->polling = true;
    sl_log(intake->log, SL_LOG_WARNING, "%s: %s; it is scanned every pollInterval instead",
           intake->place.path, why.text);
    return 0;
}

/* Events of a directory that was renamed are not ours: ticks make us look for it. */
static void miss(struct sl_watched_dir *intake, enum sl_dir_path_state state)
{
    intake->watch_due = intake->scan_due = true;
    if (intake->missing)
        return;
    intake->missing = true;
    intake->foreign = state == SL_PLACE_FOREIGN;
    intake->missing_ms = intake->clock->now_ms(intake->clock);
    sl_notify_unwatch(intake->notify, &intake->hints);
    sl_log(intake->log, SL_LOG_WARNING,
           state == SL_PLACE_FOREIGN
               ? "%s: another file system is there now; waiting for the one that was "
                 "watched to be mounted again (run it with --accept-changes to take what is there)"
               : "%s: the watched directory was removed or renamed; waiting until it exists again",
           intake->place.path);
}

/* Enters the directory and sees to it that what is watched is what the path names. */
static int find_place(struct sl_watched_dir *intake, struct sl_error *err)
{
    enum sl_dir_path_state state;
    int rc = sl_dir_path_enter(&intake->place, &state, err);
    if (rc)
        return rc;
    if (state == SL_PLACE_MISSING || state == SL_PLACE_FOREIGN) {
        miss(intake, state);
        return 0;
    }
    if (state == SL_PLACE_REPLACED && !intake->missing)
        sl_log(intake->log, SL_LOG_WARNING, "%s: another directory has this name now", intake->place.path);
    if (intake->missing)
        sl_log(intake->log, SL_LOG_INFO, "%s: the watched directory is there again", intake->place.path);
    intake->missing = false;
    return state == SL_PLACE_REPLACED || intake->watch_due ? sl_watched_dir_watch(intake, err) : 0;
}

/* ---- all of it ---- */

static int update(struct sl_watched_dir *intake, struct sl_error *err)
{
    int rc = take_hints(intake, err);
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
