/* What becomes of one name. The directory says what is there; hints only say how it came (renamed in:
 * complete) and that it was absent for a while.
 *
 * A taken file is told apart by identity. The same one stays taken, unless it was seen absent; another one
 * under its name is a new arrival. What is not taken yet is waiting, or is held back for a reason, and is
 * looked at again: at its next hint, or when the interval has passed. */
#include "watcher/intake.h"
#include "watcher/names.h"
#include "watcher/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TOLD_MAX = 10, FRESH_NS = 10 * 1000000 };

void sl_intake_tell(struct sl_intake *intake, enum sl_log_level level, const char *name, const char *what)
{
    struct sl_buf safe;
    if (intake->told++ >= TOLD_MAX)
        return;
    sl_buf_init(&safe);
    if (sl_buf_safe(&safe, name, strlen(name)))
        sl_log(intake->log, level, "%s/%.*s: %s", intake->place.path, (int)safe.len, (char *)safe.bytes,
               what);
    sl_buf_done(&safe);
}

char *sl_intake_path(const struct sl_intake *intake, const char *name, const char *part)
{
    const char *dir = intake->place.path;
    size_t size = strlen(dir) + strlen(name) + (part ? strlen(part) : 0) + 3;
    char *path = malloc(size);
    if (path)
        (void)snprintf(path, size, "%s/%s%s%s", dir, name, part ? "/" : "", part ? part : "");
    return path;
}

static struct sl_file file_of(const struct sl_look *look, char *path)
{
    return (struct sl_file){path, look->inode, look->born_ns, look->mtime_ns, look->size};
}

static bool same_identity(const struct sl_look *a, const struct sl_look *b)
{
    struct sl_file file_a = file_of(a, NULL), file_b = file_of(b, NULL);
    if (a->kind != b->kind)
        return false;
    if (a->kind == SL_LOOK_DIRECTORY) /* without birth times its inode has to do: size and time change */
        return a->inode == b->inode && a->born_ns == b->born_ns;
    return sl_file_same(&file_a, &file_b);
}

/* ---- taken files that are not there any more ---- */

static int add_gone(struct sl_intake *intake, const struct sl_entry *entry, struct sl_error *err)
{
    const struct sl_files *remembered = entry->remembered;
    int rc = 0;
    for (size_t i = 0; rc == 0 && remembered && i < remembered->count; i++)
        rc = sl_files_add(&intake->gone, &remembered->file[i]);
    if (rc == 0 && !remembered && entry->look.kind == SL_LOOK_FILE) {
        char *path = sl_intake_path(intake, entry->name, NULL);
        struct sl_file file = file_of(&entry->look, path);
        rc = path ? sl_files_add(&intake->gone, &file) : SL_ENOMEM;
        free(path);
    }
    return rc ? sl_error_nomem(err) : 0;
}

static void drop_remembered(struct sl_entry *entry)
{
    if (entry->remembered)
        sl_files_done(entry->remembered);
    free(entry->remembered);
    entry->remembered = NULL;
}

static int forget(struct sl_intake *intake, struct sl_entry *entry, struct sl_error *err)
{
    int rc = entry->standing == SL_STANDING_TAKEN ? add_gone(intake, entry, err) : 0;
    if (rc == 0)
        sl_entries_remove(&intake->entries, entry);
    return rc;
}

/* ---- remembered from an earlier run ---- */

/* Keeps the remembered file that is the one that is there, if any, and tells of the others. */
static int verify_file(struct sl_intake *intake, struct sl_entry *entry, const struct sl_look *look,
                       struct sl_error *err)
{
    struct sl_file there = file_of(look, NULL);
    struct sl_files *remembered = entry->remembered;
    bool found = false;
    for (size_t i = 0; i < remembered->count; i++) {
        const struct sl_file *file = &remembered->file[i];
        if (look->kind == SL_LOOK_FILE && sl_file_same(file, &there)) {
            entry->look = *look;
            entry->look.mtime_ns = file->mtime_ns;
            entry->look.size = file->size;
            found = true;
        } else if (sl_files_add(&intake->gone, file)) {
            return sl_error_nomem(err);
        }
    }
    drop_remembered(entry);
    if (!found)
        entry->look = (struct sl_look){.kind = SL_LOOK_ABSENT}; /* like nothing that can be there */
    return 0;
}

/* A directory is the one that was taken if it still holds one of its files; what was added to it later does
 * not make it another arrival. */
static int verify_directory(struct sl_intake *intake, struct sl_entry *entry, const struct sl_look *look,
                            struct sl_error *err)
{
    struct sl_files there = {0};
    int rc = sl_parts_list(intake, entry->name, &there, err);
    if (rc)
        return rc;
    bool found = false;
    for (size_t i = 0; !found && i < entry->remembered->count; i++)
        found = sl_parts_hold(&there, &entry->remembered->file[i]);
    sl_files_done(&there);
    if (!found)
        return verify_file(intake, entry, look, err);
    qsort(entry->remembered->file, entry->remembered->count, sizeof *entry->remembered->file,
          sl_parts_compare);
    entry->look = *look;
    entry->look.mtime_ns = INT64_MIN; /* some of its files may have gone */
    return 0;
}

static int verify(struct sl_intake *intake, struct sl_entry *entry, const struct sl_look *look,
                  struct sl_error *err)
{
    int rc = look->kind == SL_LOOK_DIRECTORY ? verify_directory(intake, entry, look, err)
                                             : verify_file(intake, entry, look, err);
    if (rc == 0)
        entry->unverified = false;
    return rc;
}

/* ---- taken, and there ---- */

static void note_changed(struct sl_intake *intake, struct sl_entry *entry, const struct sl_look *look)
{
    if (entry->changed || (look->mtime_ns == entry->look.mtime_ns && look->size == entry->look.size))
        return;
    entry->changed = true;
    intake->changed++;
    sl_intake_tell(intake, SL_LOG_WARNING, entry->name,
                   "changed after it was taken: what was added is not read; move complete files in instead");
}

/* Tells of files of a taken directory that have gone. */
static int prune(struct sl_intake *intake, struct sl_entry *entry, const struct sl_look *look,
                 struct sl_error *err)
{
    struct sl_files there = {0}, kept = {0};
    if (!entry->remembered || look->mtime_ns == entry->look.mtime_ns)
        return 0;
    int rc = sl_parts_list(intake, entry->name, &there, err);
    for (size_t i = 0; rc == 0 && i < entry->remembered->count; i++) {
        const struct sl_file *file = &entry->remembered->file[i];
        if (sl_files_add(sl_parts_hold(&there, file) ? &kept : &intake->gone, file))
            rc = sl_error_nomem(err);
    }
    sl_files_done(&there);
    if (rc) {
        sl_files_done(&kept);
        return rc;
    }
    sl_files_done(entry->remembered);
    *entry->remembered = kept;
    entry->look.mtime_ns = look->mtime_ns;
    return 0;
}

/* Whether what has a taken file's name is a new arrival. */
static int arrived_again(struct sl_intake *intake, struct sl_entry *entry, const struct sl_look *look,
                         bool left, bool *ret, struct sl_error *err)
{
    int rc = entry->unverified ? verify(intake, entry, look, err) : 0;
    if (rc)
        return rc;
    bool same = same_identity(&entry->look, look);
    /* Renaming and linking change ctime: an absence that is older than what was taken is no news. */
    *ret = !same || (left && look->ctime_ns > entry->look.ctime_ns);
    if (!*ret && look->kind == SL_LOOK_DIRECTORY)
        return prune(intake, entry, look, err);
    if (!*ret) {
        note_changed(intake, entry, look);
        return 0;
    }
    rc = add_gone(intake, entry, err);
    drop_remembered(entry);
    intake->again++;
    entry->changed = false;
    sl_intake_tell(intake, SL_LOG_INFO, entry->name,
                   same ? "moved away and in again: a new arrival"
                        : "a new file of this name: a new arrival");
    return rc;
}

/* ---- not taken yet ---- */

static int64_t realtime_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail */
    return now.tv_sec * 1000000000 + now.tv_nsec;
}

/* An empty file this young may be one that is being opened: created already, and not yet counted as open. */
static bool is_fresh(const struct sl_look *look)
{
    int64_t age = realtime_ns() - (look->born_ns != INT64_MIN ? look->born_ns : look->ctime_ns);
    return look->size == 0 && age >= 0 && age < FRESH_NS;
}

/* Asks for a writer and looks again: what was written before he closed must count. */
static int is_written(struct sl_intake *intake, struct sl_entry *entry, enum sl_hint_kind hint, bool *ret,
                      struct sl_error *err)
{
    struct sl_look look;
    *ret = true;
    if (sl_look_has_writer(intake->io, intake->place.fd, entry->name))
        return 0;
    int rc = sl_look_at(intake->io, intake->place.fd, intake->place.path, entry->name, &look, err);
    if (rc)
        return rc;
    /* Something else by now: its own hint is on the way. */
    if (look.kind != SL_LOOK_FILE || look.inode != entry->look.inode || look.born_ns != entry->look.born_ns)
        return 0;
    entry->look = look;
    *ret = hint != SL_HINT_CLOSED && is_fresh(&look);
    return 0;
}

static int has_marker(struct sl_intake *intake, const struct sl_entry *entry, bool *ret, struct sl_error *err)
{
    char marker[SL_NAME_MAX + 1];
    struct sl_look look;
    *ret = false;
    if (!sl_marker_of(intake->options.complete, entry->name, marker))
        return 0;
    int rc = sl_look_at(intake->io, intake->place.fd, intake->place.path, marker, &look, err);
    *ret = rc == 0 && look.kind != SL_LOOK_ABSENT;
    return rc;
}

/* Remembers what is there now and since when. */
static void note(struct sl_intake *intake, struct sl_entry *entry, const struct sl_look *look,
                 enum sl_hint_kind hint)
{
    int64_t now = intake->clock->now_ms(intake->clock);
    bool first = entry->standing == SL_STANDING_NEW;
    bool other = first || !same_identity(&entry->look, look);
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
               "%s: the file system keeps no birth times; files are told apart by inode, size and time",
               intake->place.path);
    }
}

/* What holds a wanted file or directory back. */
static int hold(struct sl_intake *intake, struct sl_entry *entry, enum sl_hint_kind hint,
                enum sl_standing *ret, struct sl_error *err)
{
    bool good = true, written = false;
    int rc = 0;
    if (entry->look.kind == SL_LOOK_DIRECTORY)
        rc = sl_parts_finished(intake, entry->name, &good, err);
    if (rc || !good) {
        *ret = SL_STANDING_UNFINISHED;
        return rc;
    }
    if (intake->options.complete)
        rc = has_marker(intake, entry, &good, err);
    else if (entry->look.kind == SL_LOOK_FILE && !entry->complete)
        rc = is_written(intake, entry, hint, &written, err);
    bool young = intake->options.age_min_ms > 0 &&
                 intake->clock->now_ms(intake->clock) - entry->changed_ms < intake->options.age_min_ms;
    *ret = !good     ? SL_STANDING_UNMARKED
           : written ? SL_STANDING_WRITING
           : young   ? SL_STANDING_AGING
                     : SL_STANDING_WAITING;
    return rc;
}

/* Whether it was there before the start and nothing happened to it since. */
static bool is_old(const struct sl_intake *intake, const struct sl_entry *entry, const struct sl_look *look,
                   enum sl_hint_kind hint)
{
    if (entry->standing == SL_STANDING_NEW)
        return intake->baseline;
    return entry->standing == SL_STANDING_OLD && hint == SL_HINT_NONE && same_identity(&entry->look, look) &&
           look->mtime_ns == entry->look.mtime_ns && look->size == entry->look.size;
}

static int judge_candidate(struct sl_intake *intake, struct sl_entry *entry, const struct sl_look *look,
                           enum sl_hint_kind hint, struct sl_error *err)
{
    enum sl_standing standing;
    int rc = 0;
    bool old = is_old(intake, entry, look, hint);
    note(intake, entry, look, hint);
    if (look->kind == SL_LOOK_OTHER)
        standing = SL_STANDING_IRREGULAR;
    else if (old)
        standing = SL_STANDING_OLD;
    else if (entry->standing == SL_STANDING_FILTERED || !sl_name_wanted(&intake->options, entry->name))
        standing = SL_STANDING_FILTERED;
    else
        rc = hold(intake, entry, hint, &standing, err);
    if (rc == 0)
        sl_entries_put(&intake->entries, entry, standing);
    return rc;
}

int sl_intake_judge(struct sl_intake *intake, struct sl_entry *entry, struct sl_error *err)
{
    struct sl_look look;
    int rc = sl_look_at(intake->io, intake->place.fd, intake->place.path, entry->name, &look, err);
    if (rc)
        return rc;
    enum sl_hint_kind hint = entry->hint;
    bool left = entry->left;
    entry->hint = SL_HINT_NONE;
    entry->left = entry->touched = false;
    entry->looked = intake->round;
    if (look.kind == SL_LOOK_ABSENT)
        return forget(intake, entry, err);
    if (entry->standing == SL_STANDING_TAKEN) {
        bool again;
        rc = arrived_again(intake, entry, &look, left, &again, err);
        if (rc || !again)
            return rc;
        sl_entries_put(&intake->entries, entry, SL_STANDING_NEW);
    }
    return judge_candidate(intake, entry, &look, hint, err);
}
