/* Says what a replay will take, and leaves a request in the checkpoint, which the run under way or the next one
 * finds (engine/batch/replay.h): nothing is written into a watched directory. */
#include "cli/commands.h"
#include "cli/report.h"
#include "cli/target.h"

#include "core/base/buf.h"
#include "core/base/io.h"
#include "core/base/place.h"
#include "core/base/trust.h"
#include "engine/batch/replay.h"
#include "sources/letters.h"
#include "state/catalog/catalog.h"
#include "watcher/file_stat.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct sl_flag replay_flags[] = {
    SL_TARGET_FLAGS,
    {"forget", SL_FLAG_TEXT, "FILE", NULL,
     "drop FILE (or all files in it) from the quarantine; take nothing"},
    {0},
};

struct replay {
    struct sl_target *target;
    uint64_t files, records;
    struct sl_error *err;
};

static void say(const char *path, const char *what)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf safe = {0};
    if (sl_buf_safe(&safe, path, strlen(path)))
        printf("%.*s: %s\n", (int)safe.len, (const char *)safe.bytes, what);
}

/* ---- files ---- */

static int count_file(void *arg, const struct sl_reading_file *quarantined)
{
    struct replay *replay = arg;
    struct sl_file_stat look;
    if (strstr(quarantined->file.path, "://")) { /* the run asks the object store whether it is the same */
        replay->files++;
        return 0;
    }
    const char *path = sl_target_path(replay->target, quarantined->file.path);
    int r = path ? sl_file_stat_get(&sl_io_system, AT_FDCWD, ".", path, &look, replay->err)
                 : sl_error_nomem(replay->err);
    if (r < 0)
        return r;
    bool is_it = look.kind == SL_LOOK_FILE && look.inode == quarantined->file.inode &&
                 look.born_ns == quarantined->file.born_ns;
    replay->files += is_it;
    if (look.kind == SL_LOOK_ABSENT)
        say(quarantined->file.path, "is gone; it stays quarantined until --forget drops it");
    else if (!is_it)
        say(quarantined->file.path,
            "is another file than the one that is quarantined, and arrives by itself");
    return 0;
}

/* ---- dead letters ---- */

struct group {
    const char *path, *left;
    uint64_t count;
};

static void say_group(int64_t batch_ms, const struct group *group)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf safe = {0};
    const char *path = group->path[0] ? group->path : "the batch";
    if (group->count && sl_buf_safe(&safe, path, strlen(path)))
        printf("batch %" PRId64 ": %" PRIu64 " records of %.*s are left: %s\n", batch_ms, group->count,
               (int)safe.len, (const char *)safe.bytes, group->left);
}

static void count_letters(struct replay *replay, int64_t batch_ms, const struct sl_letters *letters)
{
    struct group group = {.path = "", .left = ""};
    for (size_t i = 0; i < letters->count; i++) {
        const struct sl_letter *letter = &letters->letter[i];
        replay->records += !letter->left;
        if (!letter->left)
            continue;
        if (strcmp(letter->path, group.path) != 0 || strcmp(letter->left, group.left) != 0) {
            say_group(batch_ms, &group);
            group = (struct group){letter->path, letter->left, 0};
        }
        group.count += letter->count;
    }
    say_group(batch_ms, &group);
}

static int count_name(struct replay *replay, int dirfd, const char *name)
{
    char *end;
    int64_t batch_ms = strtoll(name, &end, 10);
    struct sl_letters letters;
    if (end == name || (strcmp(end, ".jsonl") != 0 && strcmp(end, ".replay") != 0))
        return 0;
    int r = sl_letters_read(&sl_io_system, dirfd, name, &letters, replay->err);
    if (r < 0)
        return replay->err->sys == ENOENT ? 0 : r; /* a run has just moved it */
    count_letters(replay, batch_ms, &letters);
    sl_letters_done(&letters);
    return 0;
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int count_all_letters(struct replay *replay, int checkpoint_fd)
{
    struct dirent **names = NULL;
    int dirfd = openat(checkpoint_fd, "deadletter", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), r = 0;
    if (dirfd < 0)
        return errno == ENOENT ? 0 : sl_error_sys(replay->err, errno, "opening deadletter");
    int count = scandirat(dirfd, ".", &names, NULL, compare_names);
    for (int i = 0; i < count; i++) {
        r = r < 0 ? r : count_name(replay, dirfd, names[i]->d_name);
        free(names[i]);
    }
    free(names);
    close(dirfd);
    return r;
}

/* ---- the request ---- */

/* Durable when it returns. */
static int write_request(int checkpoint_fd, struct sl_error *err)
{
    int fd = sl_io_open(&sl_io_system, checkpoint_fd, SL_REPLAY_REQUEST, O_WRONLY | O_CREAT | O_NOFOLLOW,
                        0600, err);
    if (fd < 0)
        return fd;
    int r = sl_io_sync(&sl_io_system, fd, SL_REPLAY_REQUEST, err);
    sl_io_close(&sl_io_system, fd);
    return r < 0 ? r : sl_io_sync(&sl_io_system, checkpoint_fd, "the checkpoint", err);
}

static void print_found(const struct replay *replay)
{
    if (replay->files + replay->records)
        printf("%" PRIu64 " quarantined file%s and %" PRIu64 " dead letter%s will be read again\n",
               replay->files, replay->files == 1 ? "" : "s", replay->records,
               replay->records == 1 ? "" : "s");
    else
        printf("no file is quarantined, and no dead letter can be read again\n");
}

static int replay_in(struct replay *replay, struct sl_reading *reading, int checkpoint_fd)
{
    int r = sl_reading_quarantined(reading, count_file, replay, replay->err);
    r = r < 0 ? r : count_all_letters(replay, checkpoint_fd);
    if (r == 0 && replay->files + replay->records)
        r = write_request(checkpoint_fd, replay->err);
    if (r == 0)
        print_found(replay);
    return r;
}

static int replay_all(struct sl_target *target, struct sl_error *err)
{
    struct replay replay = {.target = target, .err = err};
    struct sl_reading *reading;
    int r = sl_reading_open(target->checkpoint, &reading, err);
    if (r < 0)
        return r;
    int fd = sl_trust_open_dir(&sl_io_system, AT_FDCWD, target->checkpoint, err);
    r = fd < 0 ? fd : replay_in(&replay, reading, fd);
    if (fd >= 0)
        sl_io_close(&sl_io_system, fd);
    sl_reading_close(reading);
    return r;
}

/* ---- --forget ---- */

struct forget {
    struct sl_target *target;
    const char *wanted;
    char place[PATH_MAX]; /* of it from here; "" where its directory is gone, or it is an object */
    char *path;           /* as the catalog names it; owned */
};

/* Whether the path is `wanted`, or lies in it; then *ret_below is how long the rest of it is. */
static bool is_within(const char *path, const char *wanted, size_t *ret_below)
{
    size_t len = strlen(wanted);
    *ret_below = strlen(path) - (strncmp(path, wanted, len) == 0 ? len : 0);
    return strncmp(path, wanted, len) == 0 && (path[len] == 0 || path[len] == '/');
}

/* By the name that status shows, or as a path from here. */
static int find_file(void *arg, const struct sl_reading_file *file)
{
    struct forget *forget = arg;
    char place[PATH_MAX];
    size_t below;
    const char *path = file->file.path, *from_here = sl_target_path(forget->target, path);
    bool is_it = is_within(path, forget->wanted, &below) ||
                 (forget->place[0] && from_here && sl_place_path(from_here, place) == 0 &&
                  is_within(place, forget->place, &below));
    if (!is_it || below > strlen(path))
        return 0;
    forget->path = strndup(path, strlen(path) - below);
    return 1;
}

/* A run under way holds the catalog, and is asked to do it. */
static int request_forget(const struct sl_target *target, const char *path, struct sl_error *err)
{
    int dirfd = sl_trust_open_dir(&sl_io_system, AT_FDCWD, target->checkpoint, err);
    if (dirfd < 0)
        return dirfd;
    int fd = sl_io_open(&sl_io_system, dirfd, SL_FORGET_REQUEST, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW,
                        0600, err);
    int r = fd < 0 ? fd : sl_io_write(&sl_io_system, fd, path, strlen(path) + 1, SL_FORGET_REQUEST, err);
    r = r < 0 ? r : sl_io_sync(&sl_io_system, fd, SL_FORGET_REQUEST, err);
    if (fd >= 0)
        sl_io_close(&sl_io_system, fd);
    r = r < 0 ? r : sl_io_sync(&sl_io_system, dirfd, "the checkpoint", err);
    sl_io_close(&sl_io_system, dirfd);
    return r;
}

static int forget_path(struct sl_target *target, const char *path, struct sl_error *err)
{
    struct sl_catalog *catalog;
    int64_t count = 0;
    int r = sl_catalog_open(&sl_io_system, AT_FDCWD, target->checkpoint, &catalog, err);
    if (r == SL_EHELD)
        r = request_forget(target, path, err);
    else if (r == 0) {
        r = sl_catalog_forget_quarantined(catalog, path, &count, err);
        sl_catalog_close(catalog);
    }
    if (r == 0)
        say(path, "is not quarantined any more");
    return r;
}

static int forget(struct sl_target *target, const char *file, struct sl_error *err)
{
    struct forget forget = {.target = target, .wanted = file};
    struct sl_reading *reading;
    if (strstr(file, "://") || sl_place_path(file, forget.place) != 0)
        forget.place[0] = 0;
    int r = sl_reading_open(target->checkpoint, &reading, err);
    if (r < 0)
        return r;
    r = sl_reading_quarantined(reading, find_file, &forget, err);
    sl_reading_close(reading);
    if (r == 0)
        r = sl_error_set(err, SL_EUSAGE, "%s is not quarantined; sluice status names the files that are",
                         file);
    else if (r > 0)
        r = forget.path ? forget_path(target, forget.path, err) : sl_error_nomem(err);
    free(forget.path);
    return r;
}

/* ---- the command ---- */

static int replay(const struct sl_line *line, struct sl_target *target, struct sl_error *err)
{
    const char *file = sl_line_text(line, "forget");
    return file ? forget(target, file, err) : replay_all(target, err);
}

static int run_replay(const struct sl_line *line)
{
    return sl_target_run(line, replay);
}

const struct sl_command sl_command_replay = {
    .name = "replay",
    .arguments = "[JOB.lua] [--forget FILE]",
    .summary = "reads quarantined files and dead letters again",
    .details =
        "The active run takes them with its next batch; where there is none, the next run does. Files are read where\n"
        "they are: repair them in place first. A file that was replaced since then is a new arrival and needs no replay.\n"
        "\n"
        "A dead letter is read again as a record of its source, with its file and line, by the operator that refused\n"
        "it only: other branches of the job have processed the record already. Dead letters with only a part of the\n"
        "record cannot be read again; they are listed with the reason. Those that were read again are moved to\n"
        "deadletter/T.replayed.",
    .flags = replay_flags,
    .run = run_replay,
};
