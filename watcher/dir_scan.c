/* A scan of a watched directory looks at every name and at every entry that it did not meet; only a look decides that
 * something is absent. */
#include "core/base/array.h"
#include "core/contract/names.h"
#include "watcher/consumed.h"
#include "watcher/scan.h"
#include "watcher/watched_dir.h"

#include <stdlib.h>
#include <string.h>

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
