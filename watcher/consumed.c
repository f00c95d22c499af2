/* A taken file is distinguished by identity. The same one stays taken, unless it was seen absent; another one
 * under its name is a new arrival.
 *
 * What an earlier run took is unverified until its name is looked at. There may be millions, nearly all with
 * one file: that one is kept in the place of the look. Only the files of directories, and several files of
 * one name (one taken, another planned), need a list. */
#include "watcher/consumed.h"

#include "watcher/subdirs.h"

#include <errno.h>
#include <stdlib.h>

static struct sl_file file_of(const struct sl_file_stat *look, char *path)
{
    return (struct sl_file){path, look->inode, look->born_ns, look->mtime_ns, look->size};
}

bool sl_consumed_same(const struct sl_file_stat *a, const struct sl_file_stat *b)
{
    struct sl_file file_a = file_of(a, NULL), file_b = file_of(b, NULL);
    if (a->kind != b->kind)
        return false;
    if (a->kind == SL_LOOK_DIRECTORY) /* without birth times its inode has to do: size and time change */
        return a->inode == b->inode && a->born_ns == b->born_ns;
    return sl_file_same(&file_a, &file_b);
}

/* ---- not there any more ---- */

static int add_gone(struct sl_watched_dir *intake, const struct sl_entry *entry, struct sl_error *err)
{
    const struct sl_files *remembered = entry->remembered;
    int rc = 0;
    for (size_t i = 0; rc == 0 && remembered && i < remembered->count; i++)
        rc = sl_watched_dir_add_gone(intake, &remembered->file[i]);
    if (rc == 0 && !remembered && entry->look.kind == SL_LOOK_FILE) {
        char *path = sl_watched_dir_path(intake, entry->name, NULL);
        struct sl_file file = file_of(&entry->look, path);
        rc = path ? sl_watched_dir_add_gone(intake, &file) : SL_ENOMEM;
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

int sl_consumed_forget(struct sl_watched_dir *intake, struct sl_entry *entry, struct sl_error *err)
{
    bool is_remembered = entry->standing == SL_STANDING_TAKEN || entry->standing == SL_STANDING_OLD;
    int rc = is_remembered ? add_gone(intake, entry, err) : 0;
    if (rc == 0)
        sl_entries_remove(&intake->entries, entry);
    return rc;
}

/* ---- remembered from an earlier run ---- */

static struct sl_file_stat look_of(const struct sl_file *file)
{
    return (struct sl_file_stat){
        .kind = SL_LOOK_FILE,
        .inode = file->inode,
        .born_ns = file->born_ns,
        .mtime_ns = file->mtime_ns,
        .size = file->size,
    };
}

/* Appends what the entry holds in place of a stat to the list. */
static int begin_list(struct sl_watched_dir *intake, struct sl_entry *entry)
{
    entry->remembered = calloc(1, sizeof *entry->remembered);
    if (!entry->remembered || !entry->unverified)
        return entry->remembered ? 0 : SL_ENOMEM;
    char *path = sl_watched_dir_path(intake, entry->name, NULL);
    struct sl_file file = file_of(&entry->look, path);
    int rc = path ? sl_files_add(entry->remembered, &file) : SL_ENOMEM;
    free(path);
    return rc;
}

int sl_consumed_remember(struct sl_watched_dir *intake, struct sl_entry *entry, const struct sl_file *file,
                         bool is_part)
{
    int rc = 0;
    sl_entries_put(&intake->entries, entry, SL_STANDING_TAKEN);
    if (!entry->unverified && !is_part) {
        entry->look = look_of(file);
    } else {
        rc = entry->remembered ? 0 : begin_list(intake, entry);
        rc = rc ? rc : sl_files_add(entry->remembered, file);
    }
    entry->unverified = true;
    return rc;
}

static const struct sl_file_stat nothing = {.kind = SL_LOOK_ABSENT}; /* like nothing that can be there */

/* Of size and time what was taken counts: it may have changed since. */
static struct sl_file_stat as_taken(const struct sl_file_stat *look, int64_t mtime_ns, int64_t size)
{
    struct sl_file_stat taken = *look;
    taken.mtime_ns = mtime_ns;
    taken.size = size;
    return taken;
}

/* Keeps the remembered file if it is the one that is there, or tells of it. */
static int verify_one(struct sl_watched_dir *intake, struct sl_entry *entry, const struct sl_file_stat *look,
                      struct sl_error *err)
{
    if (sl_consumed_same(&entry->look, look)) {
        entry->look = as_taken(look, entry->look.mtime_ns, entry->look.size);
        return 0;
    }
    int rc = add_gone(intake, entry, err);
    entry->look = nothing;
    return rc;
}

/* The same with several. */
static int verify_several(struct sl_watched_dir *intake, struct sl_entry *entry,
                          const struct sl_file_stat *look, struct sl_error *err)
{
    struct sl_file there = file_of(look, NULL);
    struct sl_files *remembered = entry->remembered;
    bool found = false;
    for (size_t i = 0; i < remembered->count; i++) {
        const struct sl_file *file = &remembered->file[i];
        if (look->kind == SL_LOOK_FILE && sl_file_same(file, &there)) {
            entry->look = as_taken(look, file->mtime_ns, file->size);
            found = true;
        } else if (sl_watched_dir_add_gone(intake, file)) {
            return sl_error_nomem(err);
        }
    }
    drop_remembered(entry);
    if (!found)
        entry->look = nothing;
    return 0;
}

enum { CANNOT_TELL = 1 };

/* A directory is the one that was taken if it still holds one of its files; what was added to it later does
 * not make it another arrival. One that may not be read stays unverified. */
static int verify_directory(struct sl_watched_dir *intake, struct sl_entry *entry,
                            const struct sl_file_stat *look, struct sl_error *err)
{
    struct sl_files there = {0};
    struct sl_error why = {0};
    int rc = sl_subdirs_list(intake, entry->name, &there, &why);
    if (rc && why.sys == EACCES)
        return CANNOT_TELL;
    if (rc) {
        if (err)
            *err = why;
        return rc;
    }
    bool found = false;
    for (size_t i = 0; !found && i < entry->remembered->count; i++)
        found = sl_subdirs_hold(&there, &entry->remembered->file[i]);
    sl_files_done(&there);
    if (!found)
        return verify_several(intake, entry, look, err);
    qsort(entry->remembered->file, entry->remembered->count, sizeof *entry->remembered->file,
          sl_subdirs_compare);
    entry->look = *look;
    entry->look.mtime_ns = INT64_MIN; /* some of its files may have been removed */
    return 0;
}

static int verify(struct sl_watched_dir *intake, struct sl_entry *entry, const struct sl_file_stat *look,
                  struct sl_error *err)
{
    int rc = !entry->remembered                ? verify_one(intake, entry, look, err)
             : look->kind == SL_LOOK_DIRECTORY ? verify_directory(intake, entry, look, err)
                                               : verify_several(intake, entry, look, err);
    if (rc == 0)
        entry->unverified = false;
    return rc;
}

/* ---- taken, and there ---- */

static void note_changed(struct sl_watched_dir *intake, struct sl_entry *entry, bool changed)
{
    if (entry->changed || !changed)
        return;
    entry->changed = true;
    intake->changed++;
    sl_watched_dir_tell(
        intake, SL_LOG_WARNING, entry->name,
        "changed after it was taken: what was added is not read; move complete files in instead, or, if it "
        "was quarantined and is mended now, run sluice replay");
}

/* Reports files of a taken directory that were removed. */
static int prune(struct sl_watched_dir *intake, struct sl_entry *entry, const struct sl_file_stat *look,
                 struct sl_error *err)
{
    struct sl_files there = {0}, kept = {0};
    if (!entry->remembered || look->mtime_ns == entry->look.mtime_ns)
        return 0;
    struct sl_error why = {0};
    int rc = sl_subdirs_list(intake, entry->name, &there, &why);
    if (rc && why.sys == EACCES)
        return 0; /* when it may be read again */
    if (rc && err)
        *err = why;
    for (size_t i = 0; rc == 0 && i < entry->remembered->count; i++) {
        const struct sl_file *file = &entry->remembered->file[i];
        if (sl_subdirs_hold(&there, file) ? sl_files_add(&kept, file) : sl_watched_dir_add_gone(intake, file))
            rc = sl_error_nomem(err);
    }
    bool more = there.count > kept.count;
    sl_files_done(&there);
    if (rc) {
        sl_files_done(&kept);
        return rc;
    }
    sl_files_done(entry->remembered);
    *entry->remembered = kept;
    entry->look.mtime_ns = look->mtime_ns;
    note_changed(intake, entry, more);
    return 0;
}

/* Whether what has a taken file's name is a new arrival. */
int sl_consumed_again(struct sl_watched_dir *intake, struct sl_entry *entry, const struct sl_file_stat *look,
                      bool left, bool *ret, struct sl_error *err)
{
    int rc = entry->unverified ? verify(intake, entry, look, err) : 0;
    *ret = false;
    if (rc)
        return rc == CANNOT_TELL ? 0 : rc;
    bool same = sl_consumed_same(&entry->look, look);
    /* Renaming and linking change ctime: an absence that is older than what was taken is no news. */
    *ret = !same || (left && look->ctime_ns > entry->look.ctime_ns);
    if (!*ret && look->kind == SL_LOOK_DIRECTORY)
        return prune(intake, entry, look, err);
    if (!*ret) {
        note_changed(intake, entry, look->mtime_ns != entry->look.mtime_ns || look->size != entry->look.size);
        return 0;
    }
    rc = add_gone(intake, entry, err);
    drop_remembered(entry);
    intake->again++;
    entry->changed = false;
    sl_watched_dir_tell(intake, SL_LOG_INFO, entry->name,
                        same ? "moved away and in again: a new arrival"
                             : "a new file of this name: a new arrival");
    return rc;
}

bool sl_consumed_confirm(struct sl_packed_file *packed, const struct sl_file_stat *look)
{
    if (look->kind != SL_LOOK_FILE || look->inode != packed->inode || look->born_ns != packed->born_ns ||
        look->mtime_ns != packed->mtime_ns || look->size != packed->size)
        return false;
    if (packed->is_unverified)
        packed->ctime_ns = look->ctime_ns;
    packed->is_unverified = false;
    return true;
}
