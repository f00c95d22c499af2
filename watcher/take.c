/* What waits is handed over in one go: looked at again where that was not done in this call, chosen in the
 * order in which it was seen, given in name order; only when the list is complete do the entries count as
 * taken, so a failure hands over nothing. */
#include "watcher/take.h"

#include "core/base/clock.h"
#include "core/contract/names.h"
#include "watcher/consumed.h"
#include "watcher/see.h"
#include "watcher/subdirs.h"

#include <stdlib.h>
#include <string.h>

enum { REFRESH_LASTS_NS = 100 * 1000000 };

struct choice {
    struct sl_watched_dir *intake;
    uint64_t files_max, bytes_max, bytes;
    struct sl_files *files; /* after what the caller has */
    size_t first;           /* of ours */
    struct sl_entry *last;  /* the last chosen of those ready, NULL: none */
    bool full;
    bool refreshed; /* a moment before this call */
};

static void undo(struct choice *choice)
{
    struct sl_files *files = choice->files;
    while (files->count > choice->first)
        free(files->file[--files->count].path);
}

/* The files of one entry. */
static int list_files(struct sl_watched_dir *intake, const struct sl_entry *entry, struct sl_files *ret,
                      struct sl_error *err)
{
    if (entry->look.kind == SL_LOOK_DIRECTORY)
        return sl_subdirs_list(intake, entry->name, ret, err);
    const struct sl_file_stat *look = &entry->look;
    char *path = sl_watched_dir_path(intake, entry->name, NULL);
    struct sl_file file = {path, look->inode, look->born_ns, look->mtime_ns, look->size};
    return !path || sl_files_add_owned(ret, &file) ? sl_error_nomem(err) : 0;
}

static uint64_t bytes_of(const struct sl_files *files)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < files->count; i++)
        bytes += (uint64_t)files->file[i].size;
    return bytes;
}

/* The first one of a batch is taken whatever its size. */
static bool fits(const struct choice *choice, const struct sl_files *files)
{
    size_t count = choice->files->count - choice->first;
    if (!choice->last && !choice->first)
        return true;
    return files->count <= choice->files_max && count <= choice->files_max - files->count &&
           bytes_of(files) <= choice->bytes_max && choice->bytes <= choice->bytes_max - bytes_of(files);
}

/* The list keeps a path only where it is of a directory. */
static int add_all(struct choice *choice, const struct sl_entry *entry, struct sl_files *files,
                   struct sl_error *err)
{
    int rc = 0;
    bool is_kept = entry->look.kind == SL_LOOK_DIRECTORY;
    choice->bytes += bytes_of(files);
    for (size_t i = 0; i < files->count; i++) {
        struct sl_file *file = &files->file[i];
        if (is_kept ? sl_files_add(choice->files, file) : sl_files_add_owned(choice->files, file))
            rc = SL_ENOMEM;
        if (!is_kept)
            file->path = NULL;
    }
    return rc ? sl_error_nomem(err) : 0;
}

/* Of a directory it is remembered which files were taken with it. */
static int keep_parts(struct sl_entry *entry, struct sl_files *files, struct sl_error *err)
{
    if (entry->look.kind != SL_LOOK_DIRECTORY)
        return 0;
    if (!entry->remembered)
        entry->remembered = calloc(1, sizeof *entry->remembered);
    if (!entry->remembered)
        return sl_error_nomem(err);
    sl_files_done(entry->remembered);
    *entry->remembered = *files;
    *files = (struct sl_files){0};
    return 0;
}

/* A directory that cannot be read any more waits; the other files are taken. */
static void put_off(struct choice *choice, struct sl_entry *entry, int sys)
{
    sl_subdirs_tell_unusable(choice->intake, entry, sys);
    sl_entries_put(&choice->intake->entries, entry, SL_STANDING_UNFINISHED);
}

static int choose(struct choice *choice, struct sl_entry *entry, struct sl_error *err)
{
    struct sl_files files = {0};
    struct sl_error why = {0};
    int rc = list_files(choice->intake, entry, &files, &why);
    if (rc && rc != SL_ENOMEM && !sl_file_stat_is_own_failure(why.sys)) {
        put_off(choice, entry, why.sys);
        return 0;
    }
    if (rc && err)
        *err = why;
    if (rc == 0 && !fits(choice, &files))
        choice->full = true;
    if (rc == 0 && !choice->full)
        rc = add_all(choice, entry, &files, err);
    if (rc == 0 && !choice->full)
        rc = keep_parts(entry, &files, err);
    if (rc == 0 && !choice->full)
        choice->last = entry;
    sl_files_done(&files);
    return rc;
}

static bool was_refreshed(const struct sl_watched_dir *intake)
{
    return intake->refreshed_ns && sl_monotonic_ns() - intake->refreshed_ns <= REFRESH_LASTS_NS;
}

/* An entry that waited since an earlier call may be another file by now, or none. After a refresh what it found is
 * taken, often much: whether a file is being written was checked then. However long this call takes, that is as good
 * for its last file as for its first: the refresh took as long. */
static int look_again(const struct choice *choice, struct sl_entry *entry, bool *ret_ready,
                      struct sl_error *err)
{
    struct sl_watched_dir *intake = choice->intake;
    char name[SL_NAME_MAX + 1];
    *ret_ready = true;
    if (entry->looked == intake->round || (choice->refreshed && sl_see_same(intake, entry)))
        return 0;
    memcpy(name, entry->name, strlen(entry->name) + 1);
    int rc = sl_watched_dir_classify(intake, entry, err);
    if (rc)
        return rc;
    entry = sl_entries_find(&intake->entries, name);
    *ret_ready = entry && entry->standing == SL_STANDING_WAITING;
    return 0;
}

static int choose_all(struct choice *choice, struct sl_error *err)
{
    struct sl_entry *next;
    size_t seen = 0; /* this entry and those after it */
    for (struct sl_entry *entry = choice->intake->entries.first[SL_LIST_READY]; entry && !choice->full;
         entry = next) {
        bool ready;
        next = entry->after;
        uint64_t count = choice->files->count - choice->first;
        if (count >= choice->files_max)
            break;
        int rc = 0;
        if (choice->refreshed && seen == 0)
            rc = sl_see_waiting(choice->intake, entry, choice->files_max - count, &seen, err);
        seen -= seen > 0;
        rc = rc ? rc : look_again(choice, entry, &ready, err);
        if (rc == 0 && ready)
            rc = choose(choice, entry, err);
        if (rc)
            return rc;
    }
    return 0;
}

static void mark_taken(struct choice *choice)
{
    struct sl_entries *entries = &choice->intake->entries;
    bool more = choice->last;
    while (more) {
        struct sl_entry *entry = entries->first[SL_LIST_READY];
        more = entry != choice->last;
        entry->changed = false;
        sl_entries_put(entries, entry, SL_STANDING_TAKEN);
        sl_entries_pack(entries, entry);
    }
}

int sl_watched_dir_take(struct sl_watched_dir *intake, uint64_t files_max, uint64_t bytes_max,
                        struct sl_files *ret, struct sl_error *err)
{
    struct choice choice = {.intake = intake,
                            .files_max = files_max,
                            .bytes_max = bytes_max,
                            .files = ret,
                            .first = ret->count,
                            .refreshed = was_refreshed(intake)};
    int rc = choose_all(&choice, err);
    if (rc) {
        undo(&choice);
        intake->scan_due = true;
        return rc;
    }
    mark_taken(&choice);
    if (ret->count > choice.first)
        qsort(ret->file + choice.first, ret->count - choice.first, sizeof *ret->file, sl_subdirs_compare);
    return 0;
}
