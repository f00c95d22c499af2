#include "sources/after.h"

#include "core/base/ancestors.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "sources/identity.h"
#include "sources/letters.h"
#include "sources/move.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { TROUBLES_LOGGED_MAX = 10 };

struct after {
    struct sl_file_source *source;
    struct sl_io *io;
    int dirfd;
    uint64_t troubles;
    bool moved; /* something went */
};

/* ---- names ---- */

/* Where the last name of the path begins. */
static size_t parent_len(const char *path)
{
    const char *slash = strrchr(path, '/');
    sl_assert(slash);
    return (size_t)(slash - path);
}

/* Whether the file came in a directory that was one arrival. */
static bool is_part(const struct sl_file_source *source, const struct sl_file *file)
{
    const char *dir = source->options.dir, *name = file->path;
    for (; *dir && *dir == *name; dir++)
        name++;
    while (*name == '/')
        name++;
    return strchr(name, '/') != NULL;
}

/* What goes as one thing: a file, or a directory with the files that were read of it. */
struct arrival {
    char path[SL_MOVE_PATH_MAX], hidden[SL_MOVE_PATH_MAX];
    const struct sl_file *file;
    size_t count;
    bool is_directory;
};

static bool name_arrival(const struct after *after, struct arrival *arrival)
{
    const struct sl_file *file = arrival->file;
    arrival->is_directory = is_part(after->source, file);
    size_t len = arrival->is_directory ? parent_len(file->path) : strlen(file->path);
    int path_len = snprintf(arrival->path, sizeof arrival->path, "%.*s", (int)len, file->path);
    int hidden_len =
        snprintf(arrival->hidden, sizeof arrival->hidden, "%s/.sluice-%llu%s", after->source->options.dir,
                 (unsigned long long)file->inode, arrival->is_directory ? ".d" : "");
    return path_len < SL_MOVE_PATH_MAX && hidden_len < SL_MOVE_PATH_MAX;
}

/* ---- what is there ---- */

enum found { NOTHING, OURS, CHANGED, ANOTHER, TROUBLE };

static enum found look_at(const struct after *after, const char *path, const struct sl_file *file,
                          struct sl_error *err)
{
    struct statx st;
    if (after->io->ops->statx(after->io, after->dirfd, path, AT_SYMLINK_NOFOLLOW,
                              STATX_BASIC_STATS | STATX_BTIME, &st) < 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return NOTHING;
        sl_error_sys(err, errno, "looking at %s", path);
        return TROUBLE;
    }
    if (!sl_identity_is(&st, file))
        return ANOTHER;
    return sl_identity_unchanged(&st, file) ? OURS : CHANGED;
}

/* Whether the directory holds the files that were read and no other that could be. */
static enum found look_into(const struct after *after, const char *dir, const struct arrival *arrival,
                            struct sl_error *err)
{
    char path[SL_MOVE_PATH_MAX];
    enum found found = OURS;
    size_t names = 0;
    for (size_t i = 0; i < arrival->count && found == OURS; i++) {
        const char *name = strrchr(arrival->file[i].path, '/');
        if (snprintf(path, sizeof path, "%s%s", dir, name) >= SL_MOVE_PATH_MAX)
            return TROUBLE;
        found = look_at(after, path, &arrival->file[i], err);
    }
    if (found != OURS)
        return found;
    int r = sl_move_count_names(after->io, after->dirfd, dir, &names, err);
    return r < 0 ? TROUBLE : names == arrival->count ? OURS : CHANGED;
}

static enum found look(const struct after *after, const char *path, const struct arrival *arrival,
                       struct sl_error *err)
{
    return arrival->is_directory ? look_into(after, path, arrival, err)
                                 : look_at(after, path, arrival->file, err);
}

/* ---- one arrival ---- */

static void tell(struct after *after, const struct arrival *arrival, const char *what)
{
    struct sl_log *log = after->source->services->log;
    if (after->troubles++ < TROUBLES_LOGGED_MAX)
        sl_log(log, SL_LOG_WARNING, "%s is left where it is: %s", arrival->path, what);
    else if (after->troubles == TROUBLES_LOGGED_MAX + 1)
        sl_log(log, SL_LOG_WARNING, "more files are left where they are");
}

static int dispose(const struct after *after, const struct arrival *arrival, struct sl_error *err)
{
    const struct sl_file_options *options = &after->source->options;
    if (options->after == SL_AFTER_ARCHIVE)
        return sl_move_into(after->io, after->dirfd, arrival->hidden, options->archive,
                            strrchr(arrival->path, '/') + 1, after->source->batch_ms, err);
    if (arrival->is_directory)
        return sl_io_remove_tree(after->io, after->dirfd, arrival->hidden, err);
    if (after->io->ops->unlinkat(after->io, after->dirfd, arrival->hidden, 0) < 0 && errno != ENOENT)
        return sl_error_sys(err, errno, "deleting %s", arrival->path);
    return 0;
}

/* It stands under its hidden name. */
static void finish(struct after *after, const struct arrival *arrival, struct sl_error *err)
{
    if (look(after, arrival->hidden, arrival, err) == OURS && dispose(after, arrival, err) == 0) {
        after->moved = true;
        return;
    }
    if (err->code != SL_OK)
        tell(after, arrival, err->text);
    if (sl_move_back(after->io, after->dirfd, arrival->hidden, arrival->path) < 0)
        sl_log(after->source->services->log, SL_LOG_WARNING, "%s could not be given its name back; it is %s",
               arrival->path, arrival->hidden);
}

static void settle_arrival(struct after *after, const struct arrival *arrival)
{
    struct sl_error err = {0};
    switch (look(after, arrival->path, arrival, &err)) {
    case NOTHING:
        /* Gone, or an earlier process got no further. */
        if (look(after, arrival->hidden, arrival, &err) == OURS)
            finish(after, arrival, &err);
        return;
    case ANOTHER:
        return;
    case CHANGED:
        tell(after, arrival,
             arrival->is_directory ? "something in it was not read" : "it changed after it was taken");
        return;
    case TROUBLE:
        tell(after, arrival, err.text);
        return;
    case OURS:
        break;
    }
    if (after->io->ops->renameat2(after->io, after->dirfd, arrival->path, after->dirfd, arrival->hidden, 0) ==
        0) {
        finish(after, arrival, &err);
        return;
    }
    sl_error_sys(&err, errno, "renaming it");
    tell(after, arrival, err.text);
}

/* ---- all of them ---- */

/* The files from `first` on that came with it. */
static size_t together(const struct sl_file_source *source, size_t first)
{
    const struct sl_file *file = source->files->file;
    size_t count = 1;
    if (sl_letters_name(file[first].path))
        return 1;
    size_t len = parent_len(file[first].path) + 1;
    while (is_part(source, &file[first]) && first + count < source->files->count &&
           strncmp(file[first].path, file[first + count].path, len) == 0)
        count++;
    return count;
}

static bool all_were_read(const struct sl_file_source *source, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++)
        if (source->state[i].reason)
            return false;
    return true;
}

static void settle_all(struct after *after)
{
    const struct sl_file_source *source = after->source;
    struct arrival arrival;
    for (size_t i = 0, count; i < source->files->count; i += count) {
        count = together(source, i);
        arrival.file = &source->files->file[i];
        arrival.count = count;
        if (!sl_letters_name(arrival.file->path) && all_were_read(source, i, count) &&
            name_arrival(after, &arrival))
            settle_arrival(after, &arrival);
    }
}

/* What has gone is forgotten with a later commit: it must not come back with a power loss. */
static int sync_dirs(const struct after *after, struct sl_error *err)
{
    const struct sl_file_options *options = &after->source->options;
    int r = 0;
    if (!after->source->services->durable || !after->moved)
        return 0;
    if (options->after == SL_AFTER_ARCHIVE)
        r = sl_io_sync_dir(after->io, after->dirfd, options->archive, err);
    return r < 0 ? r : sl_io_sync_dir(after->io, after->dirfd, options->dir, err);
}

int sl_after_batch(struct sl_file_source *source, struct sl_error *err)
{
    const struct sl_services *services = source->services;
    struct after after = {source, services->io, services->job_dirfd, 0, false};
    if (source->options.after == SL_AFTER_KEEP || !source->files || !source->files->count)
        return 0;
    int r = source->options.after == SL_AFTER_ARCHIVE
                ? sl_ancestors_make(services->io, services->job_dirfd, source->options.archive, 0777,
                                    services->durable, err)
                : 0;
    if (r < 0)
        return sl_error_wrap(err, "making the archive");
    settle_all(&after);
    return sync_dirs(&after, err);
}
