/* sluice move: a job's checkpoint from where `sluice run` has it to the work directory of its runs on Spark, and back. It is
 * the same checkpoint; only its place differs. Between file systems it is copied to a hidden name, synced and renamed, and
 * removed where it was: a crash before that leaves both, each of them whole, and the next move reports it. A file is left
 * in its place that says where it is (state/moved). */
#include "cli/commands.h"
#include "cli/job_line.h"
#include "cli/report.h"
#include "core/base/io.h"
#include "core/base/place.h"
#include "core/base/trust.h"
#include "engine/graph/paths.h"
#include "state/lock.h"
#include "state/moved.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct sl_flag move_flags[] = {
    {"to-spark", SL_FLAG_PATH, "WORKDIR", NULL, "to the work directory of sluice-spark"},
    {"from-spark", SL_FLAG_PATH, "WORKDIR", NULL, "back to where sluice run looks for it"},
    SL_JOB_FLAGS,
    {0},
};

#define HIDDEN_END ".moving"

enum { PIECE_BYTES = 1 << 20, DEPTH_MAX = 16 };

/* ---- copying: files and directories, which is all that a checkpoint has ---- */

static int copy_bytes(int from, int to, const char *path, struct sl_error *err)
{
    struct sl_io *io = &sl_io_system;
    char *piece = malloc(PIECE_BYTES);
    off_t at = 0;
    ssize_t n = piece ? 1 : sl_error_nomem(err);
    while (n > 0) {
        n = sl_io_read_at(io, from, piece, PIECE_BYTES, at, path, err);
        int r = n > 0 ? sl_io_write(io, to, piece, (size_t)n, path, err) : 0;
        at += n > 0 ? n : 0;
        n = r < 0 ? r : n;
    }
    free(piece);
    return n < 0 ? (int)n : sl_io_sync(io, to, path, err);
}

static int copy_file(int from_dir, int to_dir, const char *name, mode_t mode, struct sl_error *err)
{
    struct sl_io *io = &sl_io_system;
    int from = sl_io_open_file(io, from_dir, name, O_RDONLY | O_NOFOLLOW, 0, err);
    if (from < 0)
        return from;
    int to = sl_io_open(io, to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode, err);
    int r = to < 0 ? to : copy_bytes(from, to, name, err);
    if (to >= 0)
        sl_io_close(io, to);
    sl_io_close(io, from);
    return r;
}

static int copy_dir(int from_dir, int to_dir, const char *name, const char *as, mode_t mode, unsigned depth,
                    struct sl_error *err);

static int copy_entry(int from_dir, int to_dir, const char *name, unsigned depth, struct sl_error *err)
{
    struct statx info;
    if (sl_io_system.ops->statx(&sl_io_system, from_dir, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_MODE,
                                &info) < 0)
        return sl_error_sys(err, errno, "looking at %s", name);
    if (S_ISDIR(info.stx_mode))
        return copy_dir(from_dir, to_dir, name, name, info.stx_mode & 07777, depth + 1, err);
    if (S_ISREG(info.stx_mode))
        return copy_file(from_dir, to_dir, name, info.stx_mode & 07777, err);
    return sl_error_set(err, SL_EFAIL, "%s in the checkpoint is neither a file nor a directory; remove it",
                        name);
}

static int copy_entries(int from, int to, unsigned depth, struct sl_error *err)
{
    struct sl_io *io = &sl_io_system;
    int list = sl_io_open(io, from, ".", O_RDONLY | O_DIRECTORY, 0, err);
    DIR *dir = list < 0 ? NULL : io->ops->fdopendir(io, list);
    if (!dir)
        return list < 0 ? list : sl_error_sys(err, errno, "listing the checkpoint");
    int r = 0;
    for (struct dirent *entry; r == 0 && (entry = io->ops->readdir(io, dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            r = copy_entry(from, to, entry->d_name, depth, err);
    io->ops->closedir(io, dir);
    return r < 0 ? r : sl_io_sync(io, to, "the copy", err);
}

static int copy_dir(int from_dir, int to_dir, const char *name, const char *as, mode_t mode, unsigned depth,
                    struct sl_error *err)
{
    struct sl_io *io = &sl_io_system;
    if (depth > DEPTH_MAX)
        return sl_error_set(err, SL_EFAIL, "%s: the directories of a checkpoint are not so deep", name);
    int from = sl_io_open(io, from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
    if (from < 0)
        return from;
    int to = -1, r = 0;
    if (io->ops->mkdirat(io, to_dir, as, mode) < 0)
        r = sl_error_sys(err, errno, "making %s", as);
    else
        r = to = sl_io_open(io, to_dir, as, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
    r = r < 0 ? r : copy_entries(from, to, depth, err);
    if (to >= 0)
        sl_io_close(io, to);
    sl_io_close(io, from);
    return r;
}

/* ---- moving ---- */

/* One end of the move: its path as it is shown, and its name in the directory that is open. */
struct end {
    const char *path;
    struct sl_place place;
    int parent;
};

/* What others put in the place of a name on the way meanwhile is not followed. */
static int open_end(struct end *end, bool makes_parent, struct sl_error *err)
{
    struct sl_io *io = &sl_io_system;
    int sys = sl_place_split(end->path, &end->place);
    int r = sys ? sl_error_sys(err, sys, "finding %s", end->path) : 0;
    if (r == 0 && makes_parent)
        r = sl_trust_make_dirs(io, AT_FDCWD, end->place.dir, 0777, err);
    return end->parent = r < 0 ? r : sl_trust_open_dir(io, AT_FDCWD, end->place.dir, err);
}

static void close_end(struct end *end)
{
    if (end->parent >= 0)
        sl_io_close(&sl_io_system, end->parent);
}

static int rename_new(int dirfd, const char *from, const char *to, struct sl_error *err)
{
    if (sl_io_system.ops->renameat2(&sl_io_system, dirfd, from, dirfd, to, RENAME_NOREPLACE) < 0)
        return sl_error_sys(err, errno, "renaming %s to %s", from, to);
    return sl_io_sync(&sl_io_system, dirfd, to, err);
}

static int copy_across(const struct end *from, const struct end *to, struct sl_error *err)
{
    char hidden[NAME_MAX + 1];
    const char *name = to->place.name;
    if (snprintf(hidden, sizeof hidden, ".%s%s", name, HIDDEN_END) >= (int)sizeof hidden)
        return sl_error_set(err, SL_EUSAGE, "%s is too long a name", name);
    int r = sl_io_remove_tree(&sl_io_system, to->parent, hidden, err); /* of an earlier try */
    r = r < 0 ? r : copy_dir(from->parent, to->parent, from->place.name, hidden, 0700, 0, err);
    r = r < 0 ? r : rename_new(to->parent, hidden, name, err);
    return r < 0 ? r : sl_io_remove_tree(&sl_io_system, from->parent, from->place.name, err);
}

static int refuse_existing(const char *to, struct sl_error *err)
{
    return sl_error_set(err, SL_EUSAGE, "%s exists: there is a checkpoint of another run; move it away first",
                        to);
}

/* What earlier moves left at `to` is replaced. */
static int move_to(const struct end *from, const struct end *to, struct sl_error *err)
{
    struct sl_io *io = &sl_io_system;
    struct statx info;
    const char *name = to->place.name;
    int r = sl_moved_remove(io, to->parent, name, err);
    if (r < 0)
        return r;
    if (io->ops->statx(io, to->parent, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &info) == 0)
        return refuse_existing(to->path, err);
    if (io->ops->renameat2(io, from->parent, from->place.name, to->parent, name, RENAME_NOREPLACE) == 0)
        return sl_io_sync(io, to->parent, to->path, err);
    if (errno == EXDEV)
        return copy_across(from, to, err);
    return errno == EEXIST ? refuse_existing(to->path, err)
                           : sl_error_sys(err, errno, "moving %s to %s", from->path, to->path);
}

/* Leaves a file, so that a run with the old path is refused. */
static int move_locked(const struct end *from, const char *path, struct sl_error *err)
{
    struct end to = {.path = path};
    char absolute[PATH_MAX];
    int sys = sl_place_path_missing(path, absolute);
    if (sys)
        return sl_error_sys(err, sys, "finding %s", path);
    int r = open_end(&to, true, err);
    r = r < 0 ? r : move_to(from, &to, err);
    r = r < 0 ? r : sl_moved_leave(&sl_io_system, from->parent, from->place.name, absolute, err);
    close_end(&to);
    return r;
}

/* A copy would make a checkpoint that another user has put there one of ours. */
static int open_checkpoint(struct end *from, struct sl_error *err)
{
    struct sl_io *io = &sl_io_system;
    int r = sl_moved_check(io, AT_FDCWD, from->path, err);
    if (r < 0)
        return r;
    int dirfd = open_end(from, false, err);
    dirfd = dirfd < 0 ? dirfd : sl_trust_open_own_dir(io, from->parent, from->place.name, from->path, err);
    if (dirfd < 0 && err->sys == ENOENT)
        return sl_error_set(err, SL_EUSAGE, "%s is not there: the job has no checkpoint to move", from->path);
    return dirfd;
}

static int lock_checkpoint(int dirfd, const char *path, struct sl_error *err)
{
    struct sl_io *io = &sl_io_system;
    struct statx info;
    if (io->ops->statx(io, dirfd, "lock", AT_SYMLINK_NOFOLLOW, STATX_TYPE, &info) < 0)
        return sl_error_set(err, SL_EUSAGE, "%s is no checkpoint: it holds no lock", path);
    return sl_lock_take(io, dirfd, path, err);
}

static int move_checkpoint(const char *path, const char *to, struct sl_error *err)
{
    struct end from = {.path = path, .parent = -1};
    int dirfd = open_checkpoint(&from, err);
    int lock = dirfd < 0 ? dirfd : lock_checkpoint(dirfd, path, err);
    int r = lock < 0 ? lock : move_locked(&from, to, err);
    if (lock >= 0)
        sl_io_close(&sl_io_system, lock);
    if (dirfd >= 0)
        sl_io_close(&sl_io_system, dirfd);
    close_end(&from);
    return r;
}

/* ---- the command ---- */

static int move_job(const struct sl_line *line, struct sl_job *job, struct sl_error *err)
{
    const char *to_spark = sl_line_text(line, "to-spark"), *from_spark = sl_line_text(line, "from-spark");
    char remote[PATH_MAX];
    if (!to_spark == !from_spark)
        return sl_error_set(err, SL_EUSAGE, "give one of --to-spark WORKDIR and --from-spark WORKDIR");
    if (snprintf(remote, sizeof remote, "%s/checkpoint", to_spark ? to_spark : from_spark) >=
        (int)sizeof remote)
        return sl_error_set(err, SL_EUSAGE, "%s is too long a path", to_spark ? to_spark : from_spark);
    char *local = sl_checkpoint_path(sl_job_context(job));
    if (!local)
        return sl_error_nomem(err);
    int r = to_spark ? move_checkpoint(local, remote, err) : move_checkpoint(remote, local, err);
    if (r == 0)
        printf("the checkpoint is %s now\n", to_spark ? remote : local);
    free(local);
    return r;
}

static int run_move(const struct sl_line *line)
{
    struct sl_error err;
    struct sl_job_line job_line;
    if (sl_job_line_open_to_check(line, &job_line, &err) < 0)
        return sl_report_error(&err);
    int r = move_job(line, job_line.job, &err);
    sl_job_line_close(&job_line);
    return r < 0 ? sl_report_error(&err) : SL_STATUS_DONE;
}

const struct sl_command sl_command_move = {
    .name = "move",
    .arguments = "JOB.lua --to-spark WORKDIR | --from-spark WORKDIR",
    .summary = "moves the checkpoint of a job to its runs on Spark, or back",
    .details =
        "The checkpoint that sluice run uses becomes WORKDIR/checkpoint, which sluice-spark uses, or the other way round:\n"
        "progress, windows, state, dead letters and received data are the same there. No run may have it. A file stays in its\n"
        "place, so that a run with the old path is refused instead of beginning anew.",
    .flags = move_flags,
    .run = run_move,
};
