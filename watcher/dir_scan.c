/* A scan of a watched directory looks at every name and at every entry that it did not meet; only a look decides that
 * something is absent. */
#include "core/base/array.h"
#include "core/contract/names.h"
#include "watcher/confirm.h"
#include "watcher/consumed.h"
#include "watcher/scan.h"
#include "watcher/see.h"
#include "watcher/watched_dir.h"

#include <stdlib.h>
#include <string.h>

struct scan {
    struct sl_watched_dir *intake;
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

/* It was not confirmed (watcher/confirm.h), or the name was met before. */
static int look_at_packed(const struct scan *scan, const struct sl_packed_file *packed, const char *name)
{
    struct sl_watched_dir *intake = scan->intake;
    if (packed->scan == (uint32_t)intake->scans)
        return 0; /* as below */
    struct sl_entry *entry = sl_entries_add(&intake->entries, name);
    if (!entry)
        return sl_error_nomem(scan->err);
    entry->scan = intake->scans;
    return look_at_taken(scan, entry, name);
}

static int look_at_name(struct scan *scan, const char *name)
{
    struct sl_watched_dir *intake = scan->intake;
    const struct sl_packed_file *packed = sl_entries_find_packed(&intake->entries, name);
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

static int look_at_others(struct scan *scan, const struct sl_name_block *block)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < block->count; i++)
        if (!block->is_confirmed[i])
            rc = look_at_name(scan, sl_name_block_get(block, i));
    return rc;
}

/* Of two blocks one is looked at while the other one is filled. */
static int look_at_blocks(struct scan *scan, struct sl_scan *names, struct sl_name_block block[2])
{
    int rc = sl_confirm_known(scan->intake, names, block, scan->err);
    for (int now = 0; rc == 0 && block[now].count; now = !now) {
        rc = sl_confirm(scan->intake, &block[now], names, &block[!now], scan->err);
        rc = rc ? rc : look_at_others(scan, &block[now]);
    }
    return rc;
}

static int look_at_names(struct scan *scan)
{
    struct sl_watched_dir *intake = scan->intake;
    const char *path = intake->place.path;
    struct sl_scan names;
    int fd = sl_scan_open(intake->io, intake->place.fd, ".", path, scan->err);
    int rc = fd < 0 ? fd : sl_scan_begin(intake->io, fd, path, &names, scan->err);
    if (rc)
        return rc;
    struct sl_name_block *block = sl_name_blocks_new(2);
    rc = block ? look_at_blocks(scan, &names, block) : sl_error_nomem(scan->err);
    sl_name_blocks_free(block, 2);
    sl_scan_end(&names);
    return rc;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(struct sl_entry *const *)a)->name, (*(struct sl_entry *const *)b)->name);
}

static int judge_some(struct scan *scan, size_t from, size_t to, struct sl_seen *seen)
{
    int rc = sl_see(scan->intake, scan->fresh + from, to - from, seen, scan->err);
    for (size_t i = from; rc == 0 && i < to; i++)
        rc = sl_watched_dir_classify_seen(scan->intake, scan->fresh[i], &seen[i - from], scan->err);
    return rc;
}

static int judge_fresh(struct scan *scan)
{
    size_t some = scan->count < SL_SEEN_MAX ? scan->count : SL_SEEN_MAX;
    struct sl_seen *seen = some ? malloc(some * sizeof *seen) : NULL;
    if (!seen)
        return some ? sl_error_nomem(scan->err) : 0;
    qsort(scan->fresh, scan->count, sizeof(struct sl_entry *), by_name);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < scan->count; i += some)
        rc = judge_some(scan, i, i + some < scan->count ? i + some : scan->count, seen);
    free(seen);
    return rc;
}

static int judge_unmet(void *arg, struct sl_entry *entry)
{
    struct scan *scan = arg;
    const struct sl_watched_dir *intake = scan->intake;
    bool met = entry->scan == intake->scans || entry->looked == intake->round;
    return met ? 0 : sl_watched_dir_classify(scan->intake, entry, scan->err);
}

static bool is_any_packed_unmet(const struct sl_watched_dir *intake)
{
    const struct sl_packed_file *packed;
    for (size_t at = 0; (packed = sl_packed_files_walk(&intake->entries.packed, &at));)
        if (packed->scan != (uint32_t)intake->scans)
            return true;
    return false;
}

/* Their names were not met, or were and are not the files that were taken. */
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
    int rc = look_at_names(&scan);
    if (rc == 0)
        rc = judge_fresh(&scan);
    if (rc == 0)
        rc = sl_entries_each(&intake->entries, judge_unmet, &scan);
    if (rc == 0 && is_any_packed_unmet(intake))
        rc = judge_unmet_packed(&scan);
    free(scan.fresh);
    return rc;
}
