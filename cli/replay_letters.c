/* Only lines that were records themselves are taken: of any other one something may have been counted
 * already. What comes in is a new file, written hidden and renamed, never over anything; then the letters get
 * a name that says so. A crash between the two leaves the file, which is found there the next time. */
#include "cli/replay_letters.h"

#include "cli/letters.h"
#include "core/base/buf.h"
#include "core/base/io.h"
#include "core/rows/field.h"
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

struct replay {
    struct sl_target *target;
    struct sl_reading *reading;
    const char *const *source;
    int64_t batch_ms; /* of the letters at hand */
    uint64_t lines;
    struct sl_error *err;
};

static void say(struct replay *replay, uint64_t lines, const char *path, const char *why)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf safe = {0};
    if (lines && sl_buf_safe(&safe, path, strlen(path)))
        printf("batch %" PRId64 ": %" PRIu64 " records of %.*s are left: %s\n", replay->batch_ms, lines,
               (int)safe.len, (const char *)safe.bytes, why);
}

/* ---- the lines of one file ---- */

struct sheet {
    const struct sl_letter *letter; /* [count], all of one file, by line */
    size_t count;
    const char *path;
    FILE *in;
    struct sl_buf lines;
    uint64_t taken;
};

static bool gather(struct sheet *sheet)
{
    char *line = NULL;
    size_t size = 0, next = 0;
    ssize_t len;
    bool ok = true;
    for (int64_t number = 1; ok && next < sheet->count && (len = getline(&line, &size, sheet->in)) >= 0;
         number++) {
        if (sheet->letter[next].line != number)
            continue;
        if (sl_letter_is_line(&sheet->letter[next++], line, (size_t)len)) {
            ok = sl_buf_append(&sheet->lines, line, (size_t)len) &&
                 (line[len - 1] == '\n' || sl_buf_byte(&sheet->lines, '\n'));
            sheet->taken++;
        }
    }
    free(line);
    return ok;
}

/* Names grow each time lines come in again. Of one that is too long for a name stay its end, which filters
 * look at, and a hash. NULL: out of memory. */
static char *visible_name(int64_t batch_ms, const char *name)
{
    enum { TAIL_MAX = 128 };
    char *visible;
    int len = asprintf(&visible, "replay-%" PRId64 "-%s", batch_ms, name);
    if (len <= NAME_MAX)
        return len < 0 ? NULL : visible;
    free(visible);
    size_t name_len = strlen(name);
    struct sl_field whole = sl_string((const uint8_t *)name, name_len);
    len = asprintf(&visible, "replay-%" PRId64 "-%016" PRIx64 "-%s", batch_ms,
                   sl_field_partition_hash(&whole), name + name_len - TAIL_MAX);
    return len < 0 ? NULL : visible;
}

static int bring_in(struct replay *replay, int dirfd, const char *name, const struct sheet *sheet)
{
    char hidden[64], *visible = visible_name(replay->batch_ms, name);
    snprintf(hidden, sizeof hidden, ".sluice-replay-%" PRId64, replay->batch_ms);
    if (!visible)
        return sl_error_nomem(replay->err);
    int r =
        sl_io_replace_file(&sl_io_system, dirfd, hidden, sheet->lines.bytes, sheet->lines.len, replay->err);
    if (r == 0 &&
        sl_io_system.ops->renameat2(&sl_io_system, dirfd, hidden, dirfd, visible, RENAME_NOREPLACE) < 0) {
        int sys = errno;
        (void)unlinkat(dirfd, hidden, 0); /* hidden names are nobody's business */
        r = sys == EEXIST ? 0 : sl_error_sys(replay->err, sys, "renaming %s to %s", hidden, visible);
    } else if (r == 0) {
        replay->lines += sheet->taken;
    }
    free(visible);
    return r;
}

static int note_file(void *arg, const struct sl_reading_file *file)
{
    *(struct sl_file *)arg = file->file;
    ((struct sl_file *)arg)->path = NULL;
    return 1;
}

/* The very file that the batch read is still there, unchanged: 1. */
static int is_same_file(struct replay *replay, int dirfd, const char *name, const char *path)
{
    struct sl_file known;
    struct sl_file_stat look;
    int r = sl_reading_files(replay->reading, path, replay->batch_ms, replay->batch_ms, note_file, &known,
                             replay->err);
    if (r <= 0)
        return r;
    r = sl_file_stat_get(&sl_io_system, dirfd, ".", name, &look, replay->err);
    if (r < 0)
        return r;
    struct sl_file now = {
        .inode = look.inode, .born_ns = look.born_ns, .mtime_ns = look.mtime_ns, .size = look.size};
    return look.kind == SL_LOOK_FILE && sl_file_same(&known, &now) && known.size == now.size &&
           known.mtime_ns == now.mtime_ns;
}

static int replay_sheet(struct replay *replay, int dirfd, const char *name, struct sheet *sheet)
{
    int r = is_same_file(replay, dirfd, name, sheet->path);
    if (r == 0)
        say(replay, sheet->count, sheet->path, "it is not there any more as it was read");
    if (r <= 0)
        return r;
    int fd = sl_io_open(&sl_io_system, dirfd, name, O_RDONLY | O_NOFOLLOW, 0, replay->err);
    if (fd < 0)
        return fd;
    sheet->in = fdopen(fd, "r");
    if (!sheet->in) {
        sl_io_close(&sl_io_system, fd);
        return sl_error_nomem(replay->err);
    }
    r = gather(sheet) ? 0 : sl_error_nomem(replay->err);
    fclose(sheet->in);
    say(replay, sheet->count - sheet->taken, sheet->path, "a record is not a whole line of it");
    return r == 0 && sheet->taken ? bring_in(replay, dirfd, name, sheet) : r;
}

static const char *source_of(const struct replay *replay, const char *path)
{
    for (size_t i = 0; replay->source[i]; i++) {
        size_t len = strlen(replay->source[i]);
        if (strncmp(path, replay->source[i], len) == 0 && path[len] == '/' && !strchr(path + len + 1, '/'))
            return replay->source[i];
    }
    return NULL;
}

static int replay_file(struct replay *replay, struct sheet *sheet)
{
    const char *source = source_of(replay, sheet->path);
    if (!source) {
        say(replay, sheet->count, sheet->path, "it came with its directory, or is not watched any more");
        return 0;
    }
    const char *path = sl_target_path(replay->target, source);
    int dirfd = path ? sl_io_open(&sl_io_system, AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, replay->err)
                     : sl_error_nomem(replay->err);
    if (dirfd < 0)
        return dirfd;
    int r = replay_sheet(replay, dirfd, sheet->path + strlen(source) + 1, sheet);
    sl_io_close(&sl_io_system, dirfd);
    return r;
}

/* ---- the letters of one batch ---- */

static int replay_files(struct replay *replay, const struct sl_letters *letters)
{
    int r = 0;
    for (size_t i = 0, next; r == 0 && i < letters->count; i = next) {
        for (next = i + 1; next < letters->count; next++)
            if (strcmp(letters->letter[i].path, letters->letter[next].path) != 0)
                break;
        struct sheet sheet = {
            .letter = &letters->letter[i], .count = next - i, .path = letters->letter[i].path};
        r = replay_file(replay, &sheet);
        sl_buf_done(&sheet.lines);
    }
    return r;
}

static int replay_batch(struct replay *replay, int dirfd, const char *name)
{
    struct sl_letters letters;
    char done[64];
    uint64_t before = replay->lines;
    replay->batch_ms = strtoll(name, NULL, 10);
    int r = sl_letters_read(replay->target->checkpoint, name, &letters, replay->err);
    if (r < 0)
        return r;
    r = replay_files(replay, &letters);
    say(replay, letters.others, name, "they are not lines of text");
    sl_letters_done(&letters);
    snprintf(done, sizeof done, "%" PRId64 ".replayed", replay->batch_ms);
    /* Also where some are left: what came in must not come in a second time. */
    if (r == 0 && replay->lines > before && renameat(dirfd, name, dirfd, done) < 0)
        r = sl_error_sys(replay->err, errno, "renaming %s to %s", name, done);
    return r;
}

int sl_replay_letters(struct sl_target *target, struct sl_reading *reading, const char *const *source,
                      uint64_t *ret_lines, struct sl_error *err)
{
    struct replay replay = {.target = target, .reading = reading, .source = source, .err = err};
    char *path;
    int r = 0;
    if (asprintf(&path, "%s/deadletter", target->checkpoint) < 0)
        return sl_error_nomem(err);
    DIR *dir = opendir(path);
    free(path);
    for (struct dirent *entry; r == 0 && dir && (entry = readdir(dir));) {
        const char *end = strchr(entry->d_name, '.');
        if (entry->d_name[0] != '.' && end && strcmp(end, ".jsonl") == 0)
            r = replay_batch(&replay, dirfd(dir), entry->d_name);
    }
    if (dir)
        closedir(dir);
    *ret_lines = replay.lines;
    return r;
}
