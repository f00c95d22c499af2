#include "sources/put_away.h"

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/trust.h"
#include "sources/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TROUBLES_LOGGED_MAX = 10 };

static struct sl_io *io_of(const struct sl_put_away *put_away)
{
    return put_away->source->services->io;
}

/* A name and the open directory that it is relative to. */
struct at {
    int dirfd;
    const char *path;
};

static struct at in_job(const struct sl_put_away *put_away, const char *path)
{
    return (struct at){put_away->source->services->job_dirfd, path};
}

/* The archive is open. */
static struct at in_archive(const struct sl_put_away *put_away, const char *name)
{
    sl_assert(put_away->archive_fd >= 0);
    return (struct at){put_away->archive_fd, name};
}

/* ---- the archive ---- */

int sl_put_away_open_archive(struct sl_put_away *put_away, struct sl_error *err)
{
    const struct sl_services *services = put_away->source->services;
    if (put_away->archive_fd >= 0)
        return 0;
    int fd = sl_trust_open_dir(services->io, services->job_dirfd, put_away->source->options.archive, err);
    put_away->archive_fd = fd;
    return fd < 0 ? fd : 0;
}

int sl_put_away_sync_archive(struct sl_put_away *put_away, struct sl_error *err)
{
    int r = sl_io_sync(io_of(put_away), put_away->archive_fd, put_away->source->options.archive, err);
    put_away->sync_failed = put_away->sync_failed || r < 0;
    return r;
}

/* ---- names ---- */

bool sl_arrival_is_part(const struct sl_file_source *source, const struct sl_file *file)
{
    const char *dir = source->options.dir, *name = file->path;
    for (; *dir && *dir == *name; dir++)
        name++;
    while (*name == '/')
        name++;
    return strchr(name, '/') != NULL;
}

bool sl_arrival_init(struct sl_arrival *ret, const struct sl_file_source *source, const struct sl_file *file,
                     size_t count)
{
    const struct sl_file_options *options = &source->options;
    const char *owner = source->services->owner, *slash = strrchr(file->path, '/');
    char name[64];
    sl_assert(slash);
    *ret =
        (struct sl_arrival){.file = file, .count = count, .is_directory = sl_arrival_is_part(source, file)};
    size_t len = ret->is_directory ? (size_t)(slash - file->path) : strlen(file->path);
    snprintf(name, sizeof name, ".sluice-%s%s%llu%s", owner, owner[0] ? "-" : "",
             (unsigned long long)file->inode, ret->is_directory ? ".d" : "");
    return snprintf(ret->path, SL_MOVE_PATH_MAX, "%.*s", (int)len, file->path) < SL_MOVE_PATH_MAX &&
           snprintf(ret->hidden, SL_MOVE_PATH_MAX, "%s/%s", options->dir, name) < SL_MOVE_PATH_MAX &&
           snprintf(ret->archived, sizeof ret->archived, "%s", name) < (int)sizeof ret->archived &&
           snprintf(ret->copy, sizeof ret->copy, "%s.copy", name) < (int)sizeof ret->copy;
}

/* ---- what is there ---- */

/* PARTLY: a directory that has lost some of its files and has nothing else. */
enum found { NOTHING, OURS, PARTLY, CHANGED, ANOTHER, TROUBLE };

static enum found look_at(const struct sl_put_away *put_away, struct at at, const struct sl_file *file,
                          struct sl_error *err)
{
    struct statx st;
    struct sl_io *io = io_of(put_away);
    if (io->ops->statx(io, at.dirfd, at.path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &st) <
        0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return NOTHING;
        sl_error_sys(err, errno, "looking at %s", at.path);
        return TROUBLE;
    }
    if (!sl_identity_is(&st, file))
        return ANOTHER;
    return sl_identity_unchanged(&st, file) ? OURS : CHANGED;
}

/* The files of the arrival in `dir`: *ret_there are as they were read. NOTHING: no other is there. */
static enum found look_at_files(const struct sl_put_away *put_away, struct at dir,
                                const struct sl_arrival *arrival, size_t *ret_there, struct sl_error *err)
{
    char path[SL_MOVE_PATH_MAX];
    enum found found = NOTHING;
    *ret_there = 0;
    for (size_t i = 0; i < arrival->count && (found == NOTHING || found == OURS); i++) {
        const char *name = strrchr(arrival->file[i].path, '/');
        if (snprintf(path, sizeof path, "%s%s", dir.path, name) >= SL_MOVE_PATH_MAX) {
            sl_error_sys(err, ENAMETOOLONG, "looking at %s", dir.path);
            return TROUBLE;
        }
        found = look_at(put_away, (struct at){dir.dirfd, path}, &arrival->file[i], err);
        *ret_there += found == OURS;
    }
    return found == OURS ? NOTHING : found;
}

/* OURS: the directory holds the files that were read and no other that could be. */
static enum found look_into(const struct sl_put_away *put_away, struct at dir,
                            const struct sl_arrival *arrival, struct sl_error *err)
{
    size_t names = 0, there;
    struct statx st;
    struct sl_io *io = io_of(put_away);
    enum found found = look_at_files(put_away, dir, arrival, &there, err);
    if (found != NOTHING)
        return found;
    if (!there && io->ops->statx(io, dir.dirfd, dir.path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st) < 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return NOTHING;
        sl_error_sys(err, errno, "looking at %s", dir.path);
        return TROUBLE;
    }
    if (!there && !S_ISDIR(st.stx_mode))
        return ANOTHER;
    int r = sl_move_count_names(io, dir.dirfd, dir.path, &names, err);
    if (r < 0)
        return TROUBLE;
    return names != there ? CHANGED : there == arrival->count ? OURS : PARTLY;
}

static enum found look(const struct sl_put_away *put_away, struct at at, const struct sl_arrival *arrival,
                       struct sl_error *err)
{
    return arrival->is_directory ? look_into(put_away, at, arrival, err)
                                 : look_at(put_away, at, arrival->file, err);
}

int sl_arrival_is_there(const struct sl_put_away *put_away, const struct sl_arrival *arrival,
                        struct sl_error *err)
{
    enum found found = look(put_away, in_job(put_away, arrival->path), arrival, err);
    return found == TROUBLE ? SL_EFAIL : found == OURS;
}

/* What lies under its hidden name in the archive: a copy of ours counts as OURS, too. */
static enum found look_archived(const struct sl_put_away *put_away, const struct sl_arrival *arrival,
                                struct sl_error *err)
{
    struct statx st;
    struct sl_io *io = io_of(put_away);
    struct at at = in_archive(put_away, arrival->archived);
    enum found found = look(put_away, at, arrival, err);
    if (found != ANOTHER && found != CHANGED)
        return found;
    if (io->ops->statx(io, at.dirfd, at.path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &st) < 0) {
        sl_error_sys(err, errno, "looking at %s", arrival->archived);
        return TROUBLE;
    }
    bool is_copy = arrival->is_directory
                       ? S_ISDIR(st.stx_mode)
                       : S_ISREG(st.stx_mode) && (int64_t)st.stx_size == arrival->file->size &&
                             st.stx_ino != arrival->file->inode;
    return is_copy && st.stx_uid == geteuid() ? OURS : found;
}

/* ---- steps ---- */

void sl_put_away_tell(struct sl_put_away *put_away, const struct sl_arrival *arrival, const char *why)
{
    struct sl_log *log = put_away->source->services->log;
    if (put_away->troubles++ < TROUBLES_LOGGED_MAX)
        sl_log(log, SL_LOG_WARNING, "%s is left where it is: %s", arrival->path, why);
    else if (put_away->troubles == TROUBLES_LOGGED_MAX + 1)
        sl_log(log, SL_LOG_WARNING, "more files are left where they are");
}

static int rename_to(const struct sl_put_away *put_away, struct at from, struct at to)
{
    struct sl_io *io = io_of(put_away);
    return io->ops->renameat2(io, from.dirfd, from.path, to.dirfd, to.path, 0);
}

static int remove_tree(const struct sl_put_away *put_away, struct at at, struct sl_error *err)
{
    return sl_io_remove_tree(io_of(put_away), at.dirfd, at.path, err);
}

/* That it was away for a moment is our doing: what was taken does not arrive again. 1, or SL_ENOMEM. */
static int give_back(const struct sl_put_away *put_away, const struct sl_arrival *arrival, struct at hidden,
                     struct sl_error *err)
{
    struct sl_arrivals *arrivals = put_away->source->arrivals;
    struct at at = in_job(put_away, arrival->path);
    if (sl_move_back(io_of(put_away), hidden.dirfd, hidden.path, at.dirfd, at.path) < 0)
        sl_log(put_away->source->services->log, SL_LOG_WARNING,
               "%s could not be given its name back; it is %s%s%s", arrival->path,
               hidden.dirfd == at.dirfd ? "" : put_away->source->options.archive,
               hidden.dirfd == at.dirfd ? "" : "/", hidden.path);
    else if (arrivals->ops->put_back && arrivals->ops->put_back(arrivals, arrival->file, err) < 0)
        return SL_ENOMEM;
    return 1;
}

/* It lies under `hidden`: 0; 1: it is not what was read, and has its name again; or a failure. */
static int check_hidden(const struct sl_put_away *put_away, const struct sl_arrival *arrival,
                        struct at hidden, struct sl_error *err)
{
    switch (look(put_away, hidden, arrival, err)) {
    case OURS:
        return 0;
    case TROUBLE:
        return SL_EFAIL; /* it stays hidden, and owed */
    case NOTHING:
    case PARTLY:
    case CHANGED:
    case ANOTHER:
        break;
    }
    return give_back(put_away, arrival, hidden, err);
}

/* Under its hidden name beside the others. As check_hidden. */
static int hide(const struct sl_put_away *put_away, const struct sl_arrival *arrival, struct sl_error *err)
{
    struct at hidden = in_job(put_away, arrival->hidden);
    if (rename_to(put_away, in_job(put_away, arrival->path), hidden) < 0)
        return sl_error_sys(err, errno, "renaming it");
    return check_hidden(put_away, arrival, hidden, err);
}

static int remove_hidden(const struct sl_put_away *put_away, const struct sl_arrival *arrival,
                         struct sl_error *err)
{
    struct sl_io *io = io_of(put_away);
    struct at hidden = in_job(put_away, arrival->hidden);
    if (arrival->is_directory)
        return remove_tree(put_away, hidden, err);
    if (io->ops->unlinkat(io, hidden.dirfd, hidden.path, 0) < 0 && errno != ENOENT)
        return sl_error_sys(err, errno, "deleting %s", arrival->path);
    return 0;
}

static int show(const struct sl_put_away *put_away, const struct sl_arrival *arrival, struct sl_error *err)
{
    struct at hidden = in_archive(put_away, arrival->archived);
    if (sl_move_show(io_of(put_away), hidden.dirfd, hidden.path, hidden.dirfd,
                     strrchr(arrival->path, '/') + 1, put_away->batch_ms) == 0)
        return 0;
    return sl_error_sys(err, errno, "moving it to %s", put_away->source->options.archive);
}

static int remove_and_show(const struct sl_put_away *put_away, const struct sl_arrival *arrival,
                           struct sl_error *err)
{
    int r = remove_hidden(put_away, arrival, err);
    return r < 0 ? r : show(put_away, arrival, err);
}

/* ---- delete, archive ---- */

/* is_hidden: it lies under its hidden name already. As check_hidden. */
static int delete_arrival(const struct sl_put_away *put_away, const struct sl_arrival *arrival,
                          bool is_hidden, struct sl_error *err)
{
    int r = is_hidden ? 0 : hide(put_away, arrival, err);
    return r ? r : remove_hidden(put_away, arrival, err);
}

/* A whole and synced copy in the archive, hidden. */
static int copy(struct sl_put_away *put_away, const struct sl_arrival *arrival, const char *from,
                struct sl_error *err)
{
    const char *archive = put_away->source->options.archive;
    struct at in = in_job(put_away, from), out = in_archive(put_away, arrival->copy);
    int r = remove_tree(put_away, out, err);
    r = r < 0 ? r
              : sl_move_copy(io_of(put_away), in.dirfd, in.path, out.dirfd, out.path, arrival->is_directory,
                             &put_away->sync_failed, err);
    if (r == 0 && rename_to(put_away, out, in_archive(put_away, arrival->archived)) < 0)
        r = sl_error_sys(err, errno, "moving it to %s", archive);
    if (r < 0) {
        (void)remove_tree(put_away, out, NULL); /* the failure that matters is in err */
        return r;
    }
    return sl_put_away_sync_archive(put_away, err);
}

static int archive_copy(struct sl_put_away *put_away, const struct sl_arrival *arrival, bool is_hidden,
                        struct sl_error *err)
{
    int r = copy(put_away, arrival, is_hidden ? arrival->hidden : arrival->path, err);
    if (r == 0 && !is_hidden)
        r = hide(put_away, arrival, err);
    if (r > 0)
        (void)remove_tree(put_away, in_archive(put_away, arrival->archived), NULL); /* of what was not read */
    return r ? r : remove_and_show(put_away, arrival, err);
}

/* The archive is open. */
static int move_to_archive(struct sl_put_away *put_away, const struct sl_arrival *arrival, bool is_hidden,
                           struct sl_error *err)
{
    struct at archived = in_archive(put_away, arrival->archived);
    if (is_hidden) { /* which is only done once a whole copy is there */
        enum found found = look_archived(put_away, arrival, err);
        if (found == TROUBLE)
            return SL_EFAIL;
        if (found == OURS)
            return remove_and_show(put_away, arrival, err);
    }
    int r = remove_tree(put_away, archived, err);
    if (r < 0)
        return r;
    if (rename_to(put_away, in_job(put_away, is_hidden ? arrival->hidden : arrival->path), archived) < 0)
        return errno == EXDEV
                   ? archive_copy(put_away, arrival, is_hidden, err)
                   : sl_error_sys(err, errno, "moving it to %s", put_away->source->options.archive);
    r = check_hidden(put_away, arrival, archived, err);
    return r ? r : show(put_away, arrival, err);
}

static int archive_arrival(struct sl_put_away *put_away, const struct sl_arrival *arrival, bool is_hidden,
                           struct sl_error *err)
{
    int r = sl_put_away_open_archive(put_away, err);
    return r < 0 ? r : move_to_archive(put_away, arrival, is_hidden, err);
}

static int put_away_now(struct sl_put_away *put_away, const struct sl_arrival *arrival, bool is_hidden,
                        struct sl_error *err)
{
    switch (put_away->source->options.after) {
    case SL_AFTER_DELETE:
        return delete_arrival(put_away, arrival, is_hidden, err);
    case SL_AFTER_ARCHIVE:
        return archive_arrival(put_away, arrival, is_hidden, err);
    case SL_AFTER_KEEP: /* the job was changed: what an earlier run hid gets its name back */
        break;
    }
    return is_hidden ? give_back(put_away, arrival, in_job(put_away, arrival->hidden), err) : 1;
}

/* ---- after a crash ---- */

/* An older version hid it without a mark. */
static void take_over(const struct sl_put_away *put_away, const struct sl_arrival *arrival)
{
    char before[SL_MOVE_PATH_MAX];
    struct sl_error ignored = {0};
    if (snprintf(before, sizeof before, "%s/.sluice-%llu%s", put_away->source->options.dir,
                 (unsigned long long)arrival->file->inode,
                 arrival->is_directory ? ".d" : "") < SL_MOVE_PATH_MAX &&
        strcmp(before, arrival->hidden) != 0 &&
        look(put_away, in_job(put_away, before), arrival, &ignored) == OURS)
        (void)rename_to(put_away, in_job(put_away, before),
                        in_job(put_away, arrival->hidden)); /* else it stays what it was: hidden */
}

/* Nothing is under its hidden name in the watched directory: did it reach the archive? */
static int go_on_in_archive(struct sl_put_away *put_away, const struct sl_arrival *arrival,
                            struct sl_error *err)
{
    if (put_away->source->options.after != SL_AFTER_ARCHIVE)
        return 1;
    int r = sl_put_away_open_archive(put_away, err);
    if (r < 0)
        return r;
    switch (look_archived(put_away, arrival, err)) {
    case OURS:
        return show(put_away, arrival, err);
    case CHANGED: /* it was renamed, and not looked at yet */
        return give_back(put_away, arrival, in_archive(put_away, arrival->archived), err);
    case TROUBLE:
        return SL_EFAIL;
    case ANOTHER:
        sl_log(put_away->source->services->log, SL_LOG_WARNING,
               "%s/%s is not ours, though its name is; look at it, then remove it",
               put_away->source->options.archive, arrival->archived);
        break;
    case NOTHING:
    case PARTLY:
        break;
    }
    return 1;
}

/* It is not under its name: how far did an earlier try come? */
static int go_on(struct sl_put_away *put_away, const struct sl_arrival *arrival, struct sl_error *err)
{
    put_away->any_renamed = true; /* by an earlier process, perhaps, which did not come to sync it */
    take_over(put_away, arrival);
    switch (look(put_away, in_job(put_away, arrival->hidden), arrival, err)) {
    case OURS:
        return put_away_now(put_away, arrival, true, err);
    case PARTLY: /* its removal had begun */
        return put_away->source->options.after == SL_AFTER_ARCHIVE
                   ? archive_arrival(put_away, arrival, true, err)
                   : remove_hidden(put_away, arrival, err);
    case CHANGED: /* it was hidden, and not looked at yet */
    case ANOTHER:
        return give_back(put_away, arrival, in_job(put_away, arrival->hidden), err);
    case TROUBLE:
        return SL_EFAIL;
    case NOTHING:
        break;
    }
    return go_on_in_archive(put_away, arrival, err);
}

static const char *why_not(enum found found, const struct sl_arrival *arrival)
{
    if (!arrival->is_directory)
        return "it changed after it was taken";
    return found == PARTLY ? "some of its files are missing" : "something in it was not read";
}

int sl_put_away(struct sl_put_away *put_away, const struct sl_arrival *arrival, struct sl_error *err)
{
    int r;
    enum found found = look(put_away, in_job(put_away, arrival->path), arrival, err);
    switch (found) {
    case NOTHING:
    case ANOTHER:
        return go_on(put_away, arrival, err);
    case PARTLY:
    case CHANGED:
        if (put_away->source->options.after != SL_AFTER_KEEP)
            sl_put_away_tell(put_away, arrival, why_not(found, arrival));
        return 1;
    case TROUBLE:
        return SL_EFAIL;
    case OURS:
        break;
    }
    r = put_away_now(put_away, arrival, false, err);
    put_away->any_renamed = put_away->any_renamed || r == 0;
    return r;
}
