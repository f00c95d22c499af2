/* What becomes of one name. The directory says what is there; hints only say how it came (renamed in:
 * complete) and that it was absent for a while.
 *
 * A taken file is distinguished by identity. The same one stays taken, unless it was seen absent; another one
 * under its name is a new arrival. What is not taken yet is waiting, or is held back for a reason, and is
 * looked at again: at its next hint, or when the interval has passed. */
#include "core/contract/names.h"
#include "watcher/consumed.h"
#include "watcher/subdirs.h"
#include "watcher/watched_dir.h"

#include <time.h>

enum { FRESH_NS = 10 * 1000000 };

static int64_t realtime_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail */
    return now.tv_sec * 1000000000 + now.tv_nsec;
}

/* An empty file this young may be one that is being opened: created already, and not yet counted as open. */
static bool is_fresh(const struct sl_file_stat *look)
{
    int64_t age = realtime_ns() - (look->born_ns != INT64_MIN ? look->born_ns : look->ctime_ns);
    return look->size == 0 && age >= 0 && age < FRESH_NS;
}

/* Asks for a writer and looks again: what was written before he closed must count. */
static int ask(const struct sl_watched_dir *intake, const char *name, struct sl_seen *ret,
               struct sl_error *err)
{
    const struct sl_dir_path *place = &intake->place;
    ret->has_writer = sl_file_stat_has_writer(intake->io, place->fd, name);
    int rc =
        ret->has_writer ? 0 : sl_file_stat_get(intake->io, place->fd, place->path, name, &ret->again, err);
    ret->is_asked = rc == 0;
    ret->is_fresh = rc == 0 && !ret->has_writer && is_fresh(&ret->again);
    return rc;
}

static int is_written(struct sl_watched_dir *intake, struct sl_entry *entry, enum sl_hint_kind hint,
                      struct sl_seen *seen, bool *ret, struct sl_error *err)
{
    int rc = seen->is_asked ? 0 : ask(intake, entry->name, seen, err);
    *ret = true;
    if (rc || seen->has_writer)
        return rc;
    const struct sl_file_stat *look = &seen->again;
    /* Something else by now: its own hint is on the way. */
    if (look->kind != SL_LOOK_FILE || look->inode != entry->look.inode ||
        look->born_ns != entry->look.born_ns)
        return 0;
    entry->look = *look;
    *ret = hint != SL_HINT_CLOSED && seen->is_fresh;
    return 0;
}

/* A user's function decides on the main thread. */
static bool is_asked_about(const struct sl_watched_dir *intake, const struct sl_entry *entry)
{
    const struct sl_arrivals_options *options = &intake->options;
    return !intake->baseline && !options->complete && !options->accept && !entry->complete &&
           sl_name_wanted(options, entry->name);
}

void sl_watched_dir_see(const struct sl_watched_dir *intake, const struct sl_entry *entry,
                        struct sl_seen *ret)
{
    const struct sl_dir_path *place = &intake->place;
    ret->is_asked = false;
    ret->is_seen = sl_file_stat_get(intake->io, place->fd, place->path, entry->name, &ret->look, NULL) == 0;
    if (ret->is_seen && ret->look.kind == SL_LOOK_FILE && is_asked_about(intake, entry))
        (void)ask(intake, entry->name, ret, NULL); /* asked again, and reported, by the main thread */
}

/* As everything else that is read or put away, it is a regular file. One that is older than its file is of an earlier file of
 * that name. */
static int has_marker(struct sl_watched_dir *intake, const struct sl_entry *entry, bool *ret,
                      struct sl_error *err)
{
    char marker[SL_NAME_MAX + 1];
    struct sl_file_stat look;
    *ret = false;
    if (!sl_marker_of(intake->options.complete, entry->name, marker))
        return 0;
    int rc = sl_file_stat_get(intake->io, intake->place.fd, intake->place.path, marker, &look, err);
    *ret = rc == 0 && look.kind == SL_LOOK_FILE &&
           (entry->look.kind != SL_LOOK_FILE || look.mtime_ns >= entry->look.mtime_ns);
    return rc;
}

/* Remembers what is there now and since when. */
static void note(struct sl_watched_dir *intake, struct sl_entry *entry, const struct sl_file_stat *look,
                 enum sl_hint_kind hint)
{
    int64_t now = intake->clock->now_ms(intake->clock);
    bool first = entry->standing == SL_STANDING_NEW;
    bool other = first || !sl_consumed_same(&entry->look, look);
    if (other)
        entry->complete = false;
    if (hint != SL_HINT_NONE)
        entry->complete = hint == SL_HINT_MOVED_IN;
    if (other || hint != SL_HINT_NONE || look->size != entry->look.size ||
        look->mtime_ns != entry->look.mtime_ns)
        entry->changed_ms = now;
    /* Found at the start: it has been as it is since before. */
    int64_t newest = look->mtime_ns > look->ctime_ns ? look->mtime_ns : look->ctime_ns;
    if (first && hint == SL_HINT_NONE && intake->scans <= 1 && newest / 1000000 < now)
        entry->changed_ms = newest / 1000000;
    entry->look = *look;
    if (look->born_ns == INT64_MIN && look->kind == SL_LOOK_FILE && !intake->told_birthless) {
        intake->told_birthless = true;
        sl_log(intake->log, SL_LOG_WARNING,
               "%s: the file system keeps no birth times; files are identified by inode, size and time",
               intake->place.path);
    }
}

/* What holds a wanted file or directory back. */
static int hold(struct sl_watched_dir *intake, struct sl_entry *entry, enum sl_hint_kind hint,
                struct sl_seen *seen, enum sl_file_class *ret, struct sl_error *err)
{
    bool good = true, written = false;
    int rc = 0;
    if (entry->look.kind == SL_LOOK_DIRECTORY)
        rc = sl_subdirs_finished(intake, entry, &good, err);
    if (rc || !good) {
        *ret = SL_STANDING_UNFINISHED;
        return rc;
    }
    if (intake->options.complete)
        rc = has_marker(intake, entry, &good, err);
    else if (entry->look.kind == SL_LOOK_FILE && !entry->complete)
        rc = is_written(intake, entry, hint, seen, &written, err);
    bool young = intake->options.age_min_ms > 0 &&
                 intake->clock->now_ms(intake->clock) - entry->changed_ms < intake->options.age_min_ms;
    *ret = !good     ? SL_STANDING_UNMARKED
           : written ? SL_STANDING_WRITING
           : young   ? SL_STANDING_AGING
                     : SL_STANDING_WAITING;
    return rc;
}

/* Whether it was there before the start and nothing happened to it since; a directory that was not complete arrives with its
 * _SUCCESS. */
static bool is_old(const struct sl_watched_dir *intake, const struct sl_entry *entry,
                   const struct sl_file_stat *look, enum sl_hint_kind hint)
{
    if (entry->standing == SL_STANDING_NEW)
        return intake->baseline;
    return entry->standing == SL_STANDING_OLD && hint == SL_HINT_NONE &&
           sl_consumed_same(&entry->look, look) && look->mtime_ns == entry->look.mtime_ns &&
           look->size == entry->look.size;
}

static int judge_candidate(struct sl_watched_dir *intake, struct sl_entry *entry, struct sl_seen *seen,
                           enum sl_hint_kind hint, struct sl_error *err)
{
    const struct sl_file_stat *look = &seen->look;
    enum sl_file_class standing;
    int rc = 0;
    bool old = is_old(intake, entry, look, hint);
    note(intake, entry, look, hint);
    if (look->kind == SL_LOOK_OTHER)
        standing = SL_STANDING_IRREGULAR;
    else if (old && look->kind != SL_LOOK_DIRECTORY)
        standing = SL_STANDING_OLD;
    else if (intake->options.flat && look->kind == SL_LOOK_DIRECTORY)
        standing = SL_STANDING_FILTERED;
    else if (entry->standing == SL_STANDING_FILTERED || !sl_name_wanted(&intake->options, entry->name))
        standing = SL_STANDING_FILTERED;
    else
        rc = hold(intake, entry, hint, seen, &standing, err);
    if (rc == 0 && old && look->kind == SL_LOOK_DIRECTORY && standing != SL_STANDING_UNFINISHED)
        standing = SL_STANDING_OLD;
    if (rc == 0)
        sl_entries_put(&intake->entries, entry, standing);
    return rc;
}

/* One name of another user must not hold up all others. What was taken stays taken: it may come back. */
static void wait_for_hidden(struct sl_watched_dir *intake, struct sl_entry *entry,
                            const struct sl_file_stat *look)
{
    sl_subdirs_tell_unusable(intake, entry, look->sys);
    if (entry->standing != SL_STANDING_TAKEN)
        sl_entries_put(&intake->entries, entry, SL_STANDING_IRREGULAR);
}

/* The first change of a file of a lower layer of an overlayfs makes a copy of it, which is born then and keeps the inode;
 * the time of the directory stays. Whatever else gives a name a younger file of the same inode changes that time. Where
 * the directory has changed since for other reasons: a file of the upper layer is not older than its directory there. */
static void follow_copy_up(const struct sl_watched_dir *intake, struct sl_entry *entry,
                           const struct sl_file_stat *look)
{
    const struct sl_file_stat *dir = &intake->place.who;
    if (!intake->place.copies_up || look->kind != SL_LOOK_FILE || look->inode != entry->look.inode ||
        look->born_ns <= entry->look.born_ns)
        return;
    if (dir->mtime_ns < look->born_ns ||
        (look->size == entry->look.size && entry->look.born_ns < dir->born_ns))
        entry->look.born_ns = look->born_ns;
}

int sl_watched_dir_classify(struct sl_watched_dir *intake, struct sl_entry *entry, struct sl_error *err)
{
    struct sl_seen seen = {0};
    return sl_watched_dir_classify_seen(intake, entry, &seen, err);
}

int sl_watched_dir_classify_seen(struct sl_watched_dir *intake, struct sl_entry *entry, struct sl_seen *seen,
                                 struct sl_error *err)
{
    const struct sl_dir_path *place = &intake->place;
    struct sl_file_stat *look = &seen->look;
    int rc = seen->is_seen ? 0 : sl_file_stat_get(intake->io, place->fd, place->path, entry->name, look, err);
    if (rc)
        return rc;
    enum sl_hint_kind hint = entry->hint;
    bool left = entry->left;
    entry->hint = SL_HINT_NONE;
    entry->left = entry->touched = false;
    entry->looked = intake->round;
    if (look->kind == SL_LOOK_ABSENT)
        return sl_consumed_forget(intake, entry, err);
    if (look->kind == SL_LOOK_HIDDEN) {
        wait_for_hidden(intake, entry, look);
        return 0;
    }
    if (entry->standing == SL_STANDING_TAKEN) {
        bool again;
        follow_copy_up(intake, entry, look);
        rc = sl_consumed_again(intake, entry, look, left, &again, err);
        if (rc || !again)
            return rc;
        sl_entries_put(&intake->entries, entry, SL_STANDING_NEW);
    }
    return judge_candidate(intake, entry, seen, hint, err);
}
