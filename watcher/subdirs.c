#include "watcher/subdirs.h"

#include "core/contract/names.h"
#include "watcher/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fails where its names cannot be read. */
static int look_into(struct sl_watched_dir *intake, const char *name, struct sl_error *err)
{
    int fd = sl_io_open(intake->io, intake->place.fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
    if (fd < 0)
        return fd;
    sl_io_close(intake->io, fd);
    return 0;
}

/* Relative to the directory itself: its name may become a link to another one at any moment. */
static int find_success(struct sl_watched_dir *intake, const char *name, struct sl_file_stat *ret,
                        struct sl_error *err)
{
    int fd = sl_io_open(intake->io, intake->place.fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, err);
    if (fd < 0)
        return fd;
    int rc = sl_file_stat_get(intake->io, fd, name, "_SUCCESS", ret, err);
    sl_io_close(intake->io, fd);
    return rc;
}

/* One name of another user must not hold up all other files. */
void sl_subdirs_tell_unusable(struct sl_watched_dir *intake, struct sl_entry *entry, int sys)
{
    char text[160];
    (void)snprintf(text, sizeof text,
                   sys == EACCES ? "this may not be read (%s): it waits until it may"
                                 : "this cannot be read (%s): it waits until it can",
                   strerror(sys));
    if (!entry->told)
        sl_watched_dir_tell(intake, SL_LOG_WARNING, entry->name, text);
    entry->told = true;
}

int sl_subdirs_finished(struct sl_watched_dir *intake, struct sl_entry *entry, bool *ret,
                        struct sl_error *err)
{
    struct sl_file_stat look = {.kind = SL_LOOK_ABSENT};
    struct sl_error why = {0};
    int rc = find_success(intake, entry->name, &look, &why);
    bool is_there = rc == 0 && look.kind != SL_LOOK_ABSENT;
    if (is_there && look.kind == SL_LOOK_HIDDEN)
        why.sys = look.sys;
    else if (is_there)
        rc = look_into(intake, entry->name, &why);
    *ret = is_there && rc == 0 && look.kind != SL_LOOK_HIDDEN;
    if (rc < 0 && (rc == SL_ENOMEM || sl_file_stat_is_own_failure(why.sys))) {
        if (err)
            *err = why;
        return rc;
    }
    if (why.sys && why.sys != ENOENT &&
        why.sys != ENOTDIR) /* removed, or another kind by now: its hint follows */
        sl_subdirs_tell_unusable(intake, entry, why.sys);
    return 0;
}

struct listing {
    struct sl_watched_dir *intake;
    const char *name;
    int fd; /* of the directory */
    struct sl_files files;
    struct sl_error *err;
};

static int add_part(struct listing *listing, const char *part, const struct sl_file_stat *look)
{
    char *path = sl_watched_dir_path(listing->intake, listing->name, part);
    struct sl_file file = {path, look->inode, look->born_ns, look->mtime_ns, look->size};
    int rc = path ? sl_files_add(&listing->files, &file) : SL_ENOMEM;
    free(path);
    return rc ? sl_error_nomem(listing->err) : 0;
}

static int each_part(void *arg, const char *part)
{
    struct listing *listing = arg;
    struct sl_watched_dir *intake = listing->intake;
    struct sl_file_stat look;
    if (sl_name_ignored(part))
        return 0;
    int rc = sl_file_stat_get(intake->io, listing->fd, listing->name, part, &look, listing->err);
    if (rc == 0 && look.kind == SL_LOOK_HIDDEN)
        return sl_error_sys(listing->err, look.sys, "looking at %s/%s", listing->name, part);
    if (rc || look.kind != SL_LOOK_FILE)
        return rc;
    return add_part(listing, part, &look);
}

int sl_subdirs_compare(const void *a, const void *b)
{
    return strcmp(((const struct sl_file *)a)->path, ((const struct sl_file *)b)->path);
}

int sl_subdirs_list(struct sl_watched_dir *intake, const char *name, struct sl_files *ret,
                    struct sl_error *err)
{
    struct sl_error why = {0};
    struct listing listing = {.intake = intake, .name = name, .err = &why};
    char *path = sl_watched_dir_path(intake, name, NULL);
    listing.fd = path ? sl_scan_open(intake->io, intake->place.fd, name, path, &why) : sl_error_nomem(&why);
    int rc =
        listing.fd < 0 ? listing.fd : sl_scan_names(intake->io, listing.fd, path, each_part, &listing, &why);
    free(path);
    if (rc && why.sys != ENOENT && why.sys != ENOTDIR && why.sys != ELOOP) { /* another kind by now */
        sl_files_done(&listing.files);
        if (err)
            *err = why;
        return rc;
    }
    if (listing.files.count)
        qsort(listing.files.file, listing.files.count, sizeof *listing.files.file, sl_subdirs_compare);
    *ret = listing.files;
    return 0;
}

bool sl_subdirs_hold(const struct sl_files *files, const struct sl_file *file)
{
    if (!files || !files->count)
        return false;
    const struct sl_file *found =
        bsearch(file, files->file, files->count, sizeof *files->file, sl_subdirs_compare);
    return found && sl_file_same(found, file);
}
