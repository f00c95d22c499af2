#include "engine/batch/replay.h"

#include "engine/batch/batch.h"
#include "sources/identity.h"
#include "sources/letters.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 64, FORGET_BYTES_MAX = 16 << 20 };

int sl_replay_open(struct sl_run *run, struct sl_error *err)
{
    struct sl_error why = {0};
    if (run->services.deadletter_fd >= 0 || !run->catalog)
        return 0;
    int fd = sl_io_open(run->services.io, sl_catalog_dirfd(run->catalog), "deadletter",
                        O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &why);
    if (fd < 0 && why.sys != ENOENT) {
        *err = why;
        return fd;
    }
    run->services.deadletter_fd = fd < 0 ? -1 : fd;
    return 0;
}

/* ---- files of letters ---- */

/* Durable when it returns. */
static int write_file(struct sl_run *run, const char *name, const struct sl_buf *text, struct sl_error *err)
{
    struct sl_io *io = run->services.io;
    int dirfd = run->services.deadletter_fd;
    char hidden[NAME_SIZE + 8];
    snprintf(hidden, sizeof hidden, ".%s", name);
    if (io->ops->unlinkat(io, dirfd, hidden, 0) < 0 && errno != ENOENT)
        return sl_error_sys(err, errno, "removing deadletter/%s", hidden);
    int fd = sl_io_open(io, dirfd, hidden, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, err);
    if (fd < 0)
        return fd;
    int r = sl_io_write(io, fd, text->bytes, text->len, name, err);
    r = r < 0 ? r : sl_io_sync(io, fd, name, err);
    sl_io_close(io, fd);
    if (r == 0 && io->ops->renameat2(io, dirfd, hidden, dirfd, name, 0) < 0)
        r = sl_error_sys(err, errno, "renaming deadletter/%s", name);
    return r < 0 ? r : sl_io_sync(io, dirfd, "deadletter", err);
}

static int write_or_remove(struct sl_run *run, const char *name, const struct sl_buf *text,
                           struct sl_error *err)
{
    struct sl_io *io = run->services.io;
    if (text->len)
        return write_file(run, name, text, err);
    if (io->ops->unlinkat(io, run->services.deadletter_fd, name, 0) < 0 && errno != ENOENT)
        return sl_error_sys(err, errno, "removing deadletter/%s", name);
    return sl_io_sync(io, run->services.deadletter_fd, "deadletter", err);
}

/* No letters where there is no file. */
static int read_letters(struct sl_run *run, const char *name, struct sl_letters *ret, struct sl_error *err)
{
    struct sl_error why = {0};
    int r = sl_letters_read(run->services.io, run->services.deadletter_fd, name, ret, &why);
    if (r < 0 && why.sys == ENOENT) {
        *ret = (struct sl_letters){0};
        return 0;
    }
    if (r < 0)
        *err = why;
    return r;
}

static bool holds(const struct sl_letters *letters, const char *text, size_t len)
{
    for (size_t i = 0; i < letters->count; i++)
        if (letters->letter[i].len == len && memcmp(letters->text + letters->letter[i].at, text, len) == 0)
            return true;
    return false;
}

/* Moves letters of `from` into `to`, all or those that are wanted; what is in both leaves `from`. */
static int move_letters(struct sl_run *run, const char *from_name, const char *to_name,
                        bool (*is_wanted)(struct sl_run *run, const struct sl_letter *letter),
                        size_t *ret_moved, struct sl_error *err)
{
    SL_CLEANUP(sl_letters_done) struct sl_letters from = {0}, to = {0};
    SL_CLEANUP(sl_buf_done) struct sl_buf rest = {0}, moved = {0};
    int r = read_letters(run, from_name, &from, err);
    r = r < 0 ? r : read_letters(run, to_name, &to, err);
    bool ok = r == 0 && (!to.len || sl_buf_append(&moved, to.text, to.len));
    *ret_moved = to.count;
    for (size_t i = 0; ok && i < from.count; i++) {
        const struct sl_letter *letter = &from.letter[i];
        const char *text = from.text + letter->at;
        bool is_there = holds(&to, text, letter->len);
        if (!is_there && is_wanted && !is_wanted(run, letter))
            ok = sl_buf_append(&rest, text, letter->len);
        else if (!is_there)
            ok = ++*ret_moved && sl_buf_append(&moved, text, letter->len);
    }
    if (r < 0 || !ok)
        return r < 0 ? r : sl_error_nomem(err);
    if (rest.len == from.len)
        return 0;
    r = moved.len > to.len ? write_file(run, to_name, &moved, err) : 0;
    return r < 0 ? r : write_or_remove(run, from_name, &rest, err);
}

/* ---- what is taken ---- */

static struct sl_source *source_of(struct sl_run *run, const struct sl_letter *letter)
{
    for (size_t s = 0; s < run->sources; s++)
        if (run->source[s]->ops->again && strcmp(run->source_key[s], letter->source) == 0)
            return run->source[s];
    return NULL;
}

static bool is_wanted(struct sl_run *run, const struct sl_letter *letter)
{
    struct sl_source *source = letter->left ? NULL : source_of(run, letter);
    const struct sl_node *ignored;
    return source && sl_pipelines_find_branch(run->pipelines, source->node, letter->branch, &ignored);
}

static int take_letters(struct sl_run *run, const char *name, struct sl_error *err)
{
    SL_CLEANUP(sl_letters_done) struct sl_letters letters = {0};
    SL_CLEANUP(sl_buf_done) struct sl_buf path = {0};
    int r = read_letters(run, name, &letters, err);
    if (r == 0 && !sl_buf_path(&path, SL_LETTERS_PREFIX "%s", name))
        r = sl_error_nomem(err);
    const struct sl_file file = {.path = (char *)path.bytes};
    for (size_t i = 0; r == 0 && i < letters.count; i++) {
        struct sl_source *source = source_of(run, &letters.letter[i]);
        int taken = source ? source->ops->again(source, &file, err) : 0;
        run->once_more += taken > 0;
        r = taken < 0 ? taken : 0;
    }
    return r;
}

static void say_left(struct sl_run *run, const char *name)
{
    struct sl_letters rest;
    if (read_letters(run, name, &rest, &(struct sl_error){0}) < 0)
        return;
    if (rest.count)
        sl_log(run->services.log, SL_LOG_WARNING,
               "%zu dead letters stay in deadletter/%s: they are not whole records, or the job no "
               "longer has their operators",
               rest.count, name);
    sl_letters_done(&rest);
}

/* T.jsonl, or T.replay of an earlier try. */
static int take_name(struct sl_run *run, const char *name, struct sl_error *err)
{
    char from[NAME_SIZE], to[NAME_SIZE];
    char *end;
    size_t moved;
    int64_t t = strtoll(name, &end, 10);
    if (end == name || (strcmp(end, ".jsonl") != 0 && strcmp(end, ".replay") != 0))
        return 0;
    snprintf(from, sizeof from, "%" PRId64 ".jsonl", t);
    snprintf(to, sizeof to, "%" PRId64 ".replay", t);
    int r = move_letters(run, from, to, is_wanted, &moved, err);
    if (r == 0)
        say_left(run, from);
    return r < 0 || !moved ? r : take_letters(run, to, err);
}

static int list_names(struct sl_run *run, struct sl_buf *names, struct sl_error *err)
{
    struct sl_io *io = run->services.io;
    int fd = sl_io_open(io, run->services.deadletter_fd, ".", O_RDONLY | O_DIRECTORY, 0, err);
    if (fd < 0)
        return fd;
    DIR *dir = io->ops->fdopendir(io, fd);
    if (!dir) {
        int r = sl_error_sys(err, errno, "reading deadletter");
        sl_io_close(io, fd);
        return r;
    }
    bool ok = true;
    errno = 0;
    for (struct dirent *entry; ok && (entry = io->ops->readdir(io, dir)); errno = 0)
        ok = sl_buf_append(names, entry->d_name, strlen(entry->d_name) + 1);
    int r = !ok ? sl_error_nomem(err) : errno ? sl_error_sys(err, errno, "reading deadletter") : 0;
    (void)io->ops->closedir(io, dir); /* nothing was written */
    return r;
}

int sl_replay_is_begun(struct sl_run *run, bool *ret, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf names = {0};
    int r = sl_replay_open(run, err);
    *ret = false;
    if (r < 0 || run->services.deadletter_fd < 0)
        return r;
    r = list_names(run, &names, err);
    for (size_t at = 0; r == 0 && at < names.len && !*ret; at += strlen((char *)names.bytes + at) + 1) {
        const char *end = strrchr((char *)names.bytes + at, '.');
        *ret = end && strcmp(end, ".replay") == 0;
    }
    return r;
}

static int take_all_letters(struct sl_run *run, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf names = {0};
    int r = sl_replay_open(run, err);
    if (r < 0 || run->services.deadletter_fd < 0)
        return r;
    r = list_names(run, &names, err);
    for (size_t at = 0; r == 0 && at < names.len; at += strlen((char *)names.bytes + at) + 1)
        r = take_name(run, (char *)names.bytes + at, err);
    return r;
}

static int take_quarantined(void *arg, const struct sl_in_quarantine *quarantined, struct sl_error *err)
{
    struct sl_run *run = arg;
    struct sl_source *source = quarantined->source < run->sources ? run->source[quarantined->source] : NULL;
    int r = source && source->ops->again ? source->ops->again(source, &quarantined->file, err) : 0;
    run->once_more += r > 0;
    if (r == 0)
        sl_log(
            run->services.log, SL_LOG_WARNING,
            "%s is no longer the file that was quarantined; it stays quarantined until sluice replay --forget "
            "drops it",
            quarantined->file.path);
    return r < 0 ? r : 0;
}

static bool is_requested(const struct sl_run *run, const char *request)
{
    struct sl_io *io = run->services.io;
    struct statx st;
    return io->ops->statx(io, sl_catalog_dirfd(run->catalog), request, AT_SYMLINK_NOFOLLOW, STATX_TYPE,
                          &st) == 0;
}

static int drop_request(struct sl_run *run, const char *request, struct sl_error *err)
{
    struct sl_io *io = run->services.io;
    int dirfd = sl_catalog_dirfd(run->catalog);
    if (io->ops->unlinkat(io, dirfd, request, 0) < 0 && errno != ENOENT)
        return sl_error_sys(err, errno, "removing the request of sluice replay");
    return sl_io_sync(io, dirfd, run->checkpoint, err);
}

static int forget(struct sl_run *run, struct sl_error *err)
{
    char *paths;
    size_t len;
    int64_t count;
    int r = sl_io_read_file(run->services.io, sl_catalog_dirfd(run->catalog), SL_FORGET_REQUEST,
                            FORGET_BYTES_MAX, &paths, &len, err);
    for (size_t at = 0; r == 0 && at < len; at += strlen(paths + at) + 1)
        r = sl_catalog_forget_quarantined(run->catalog, paths + at, &count, err);
    if (r == 0)
        free(paths);
    return r < 0 ? r : drop_request(run, SL_FORGET_REQUEST, err);
}

int sl_replay_take(struct sl_run *run, struct sl_error *err)
{
    run->once_more = 0;
    if (!run->catalog)
        return 0;
    int r = is_requested(run, SL_FORGET_REQUEST) ? forget(run, err) : 0;
    if (r < 0 || !is_requested(run, SL_REPLAY_REQUEST))
        return r;
    r = sl_catalog_each_quarantined(run->catalog, take_quarantined, run, err);
    r = r < 0 ? r : take_all_letters(run, err);
    return r < 0 || run->once_more ? r : drop_request(run, SL_REPLAY_REQUEST, err);
}

int sl_replay_planned(struct sl_run *run, struct sl_error *err)
{
    return run->once_more ? drop_request(run, SL_REPLAY_REQUEST, err) : 0;
}

/* ---- what has been taken ---- */

static bool is_quarantined(const struct sl_batch_plan *plan, size_t source, size_t file)
{
    for (size_t i = 0; i < plan->quarantined_count; i++)
        if (plan->quarantined[i].source == source && plan->quarantined[i].file == file)
            return true;
    return false;
}

/* A later one of that name has letters that no batch has taken yet. */
static bool is_the_planned(struct sl_run *run, const char *name, const struct sl_file *planned)
{
    struct statx st;
    struct sl_io *io = run->services.io;
    return io->ops->statx(io, run->services.deadletter_fd, name, AT_SYMLINK_NOFOLLOW,
                          STATX_BASIC_STATS | STATX_BTIME, &st) == 0 &&
           sl_identity_is(&st, planned) && sl_identity_unchanged(&st, planned);
}

static int settle_file(struct sl_run *run, const char *name, const struct sl_file *planned, bool is_skipped,
                       struct sl_error *err)
{
    char to[NAME_SIZE];
    size_t moved;
    if (!is_the_planned(run, name, planned))
        return 0;
    snprintf(to, sizeof to, "%" PRId64 ".%s", (int64_t)strtoll(name, NULL, 10),
             is_skipped ? "jsonl" : "replayed");
    return move_letters(run, name, to, NULL, &moved, err);
}

int sl_replay_settle(struct sl_run *run, const struct sl_batch_plan *plan, struct sl_error *err)
{
    int r = 0;
    for (size_t s = 0; plan->files && s < plan->sources; s++)
        for (size_t f = 0; r == 0 && f < plan->files[s].count; f++) {
            const char *name = sl_letters_name(plan->files[s].file[f].path);
            r = name ? sl_replay_open(run, err) : 0;
            if (r == 0 && name && run->services.deadletter_fd >= 0)
                r = settle_file(run, name, &plan->files[s].file[f], is_quarantined(plan, s, f), err);
        }
    return r;
}
