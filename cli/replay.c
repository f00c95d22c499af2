/* A file that was quarantined comes in once more as what every watcher understands: a new file, a copy of it,
 * renamed over the old name. So it does not matter whether a run is under way. */
#include "cli/commands.h"
#include "cli/replay_letters.h"
#include "cli/report.h"
#include "cli/target.h"

#include "core/base/buf.h"
#include "core/base/io.h"
#include "watcher/file_stat.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COPY_BYTES = 256 << 10 };

static const struct sl_flag replay_flags[] = {
    SL_TARGET_FLAGS,
    {0},
};

struct replay {
    struct sl_target *target;
    const char *const *source; /* watched directories, until NULL */
    uint64_t again, left;
    struct sl_error *err;
};

/* ---- one file ---- */

static int copy_bytes(int from, int to, const char *path, struct sl_error *err)
{
    char *buf = malloc(COPY_BYTES);
    off_t offset = 0;
    ssize_t n = 0;
    int r = buf ? 0 : sl_error_nomem(err);
    while (r == 0 && (n = sl_io_read_at(&sl_io_system, from, buf, COPY_BYTES, offset, path, err)) > 0) {
        r = sl_io_write(&sl_io_system, to, buf, (size_t)n, path, err);
        offset += n;
    }
    free(buf);
    return r < 0 ? r : n < 0 ? (int)n : sl_io_sync(&sl_io_system, to, path, err);
}

/* With its mode and times. */
static int copy_file(int dirfd, const char *name, const char *hidden, const char *path, struct sl_error *err)
{
    struct stat info;
    int from = sl_io_open(&sl_io_system, dirfd, name, O_RDONLY | O_NOFOLLOW, 0, err);
    if (from < 0)
        return from;
    int to = sl_io_open(&sl_io_system, dirfd, hidden, O_WRONLY | O_CREAT | O_TRUNC, 0600, err);
    int r = to < 0 ? to : copy_bytes(from, to, path, err);
    if (r == 0 && fstat(from, &info) == 0) {
        const struct timespec times[] = {info.st_atim, info.st_mtim};
        (void)!fchown(to, info.st_uid, info.st_gid); /* where it may not be as it was, it is ours */
        (void)fchmod(to, info.st_mode & 07777);
        (void)futimens(to, times);
    }
    sl_io_close(&sl_io_system, from);
    if (to >= 0)
        sl_io_close(&sl_io_system, to);
    return r;
}

static int bring_in(int dirfd, const char *name, const struct sl_file *file, struct sl_error *err)
{
    char hidden[64];
    snprintf(hidden, sizeof hidden, ".sluice-replay-%" PRIu64, file->inode);
    int r = copy_file(dirfd, name, hidden, file->path, err);
    if (r == 0 && renameat(dirfd, hidden, dirfd, name) < 0)
        r = sl_error_sys(err, errno, "renaming %s/%s to %s", file->path, hidden, name);
    if (r < 0)
        (void)unlinkat(dirfd, hidden, 0); /* hidden names are nobody's business */
    return r;
}

static void say(struct replay *replay, const char *path, const char *what)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf safe = {0};
    if (sl_buf_safe(&safe, path, strlen(path)))
        printf("%.*s: %s\n", (int)safe.len, (const char *)safe.bytes, what);
    replay->left++;
}

/* The arrival that was quarantined still lies there: 1; 0: said why it is left out, or it came in again. */
static int is_still_there(struct replay *replay, int dirfd, const char *name, const struct sl_file *file)
{
    struct sl_file_stat look;
    int r = sl_file_stat_get(&sl_io_system, dirfd, ".", name, &look, replay->err);
    if (r < 0)
        return r;
    struct sl_file now = {
        .inode = look.inode, .born_ns = look.born_ns, .mtime_ns = look.mtime_ns, .size = look.size};
    if (look.kind == SL_LOOK_ABSENT)
        say(replay, file->path, "is gone");
    return look.kind == SL_LOOK_FILE && sl_file_same(file, &now);
}

/* The name below its watched directory; NULL: there is no such directory any more, or it is deeper. */
static const char *name_of(const struct replay *replay, const char *path, const char **ret_directory)
{
    for (size_t i = 0; replay->source[i]; i++) {
        size_t len = strlen(replay->source[i]);
        if (strncmp(path, replay->source[i], len) == 0 && path[len] == '/' && !strchr(path + len + 1, '/')) {
            *ret_directory = replay->source[i];
            return path + len + 1;
        }
    }
    return NULL;
}

static int replay_in(struct replay *replay, int dirfd, const char *name, const struct sl_file *file)
{
    int r = is_still_there(replay, dirfd, name, file);
    if (r <= 0)
        return r;
    r = bring_in(dirfd, name, file, replay->err);
    replay->again += r == 0;
    return r;
}

static int replay_file(void *arg, const struct sl_reading_file *file)
{
    struct replay *replay = arg;
    const char *directory, *name;
    if (!file->quarantined || !file->committed)
        return 0;
    name = name_of(replay, file->file.path, &directory);
    if (!name) {
        say(replay, file->file.path,
            "came with its directory; move it into the watched directory as a file of its own");
        return 0;
    }
    const char *path = sl_target_path(replay->target, directory);
    int dirfd = path ? sl_io_open(&sl_io_system, AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, replay->err)
                     : sl_error_nomem(replay->err);
    if (dirfd < 0)
        return dirfd;
    int r = replay_in(replay, dirfd, name, &file->file);
    sl_io_close(&sl_io_system, dirfd);
    return r;
}

/* ---- the command ---- */

static int replay_all(const struct sl_line *line, struct sl_target *target, struct sl_error *err)
{
    struct replay replay = {.target = target, .err = err};
    struct sl_reading *reading;
    (void)line;
    int r = sl_reading_open(target->checkpoint, &reading, err);
    if (r < 0)
        return r;
    r = sl_target_sources(target, reading, &replay.source, err);
    r = r < 0 ? r : sl_reading_files(reading, NULL, INT64_MIN, INT64_MAX, replay_file, &replay, err);
    uint64_t lines = 0;
    if (r == 0)
        r = sl_replay_letters(target, reading, replay.source, &lines, err);
    sl_reading_close(reading);
    if (r == 0)
        printf("%" PRIu64 " files and %" PRIu64 " lines come in once more\n", replay.again, lines);
    return r;
}

static int run_replay(const struct sl_line *line)
{
    return sl_target_run(line, replay_all);
}

const struct sl_command sl_command_replay = {
    .name = "replay",
    .arguments = "[JOB.lua]",
    .summary = "takes quarantined files and dead letters once more",
    .details =
        "Mend them first, in place or by renaming a better one over them (that alone brings it in). A run\n"
        "may be under way. A file that was replaced since is left alone: it came in again by itself.\n"
        "\n"
        "Of dead letters, lines that were records themselves come in again, as replay-T-FILE beside their\n"
        "file; where a line was taken apart first, or lies in a compressed file, its letter is left. What came in again\n"
        "has its letters in deadletter/T.replayed.",
    .flags = replay_flags,
    .run = run_replay,
};
