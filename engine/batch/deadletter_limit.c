#include "engine/batch/deadletter_limit.h"

#include "core/base/array.h"
#include "core/base/limits.h"
#include "engine/batch/batch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* One file of the directory. */
struct letters_file {
    int64_t batch_ms;
    uint64_t bytes;
};

struct listing {
    struct letters_file *file;
    size_t count, capacity;
    uint64_t bytes;
};

static int open_directory(const struct sl_run *run, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf buf = {0};
    const char *path = sl_buf_path(&buf, "%s/deadletter", run->checkpoint);
    if (!path)
        return sl_error_nomem(err);
    return sl_io_open(run->services.io, run->services.job_dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
                      err);
}

/* "1000.jsonl": its batch. */
static bool parse_name(const char *name, int64_t *ret)
{
    char *end;
    errno = 0;
    *ret = strtoll(name, &end, 10);
    return errno == 0 && end != name && strcmp(end, ".jsonl") == 0;
}

static bool add_file(struct listing *listing, int64_t batch_ms, uint64_t bytes)
{
    struct letters_file *grown =
        sl_array_grow(listing->file, listing->count, &listing->capacity, sizeof *grown);
    if (!grown)
        return false;
    listing->file = grown;
    listing->file[listing->count++] = (struct letters_file){batch_ms, bytes};
    listing->bytes += bytes;
    return true;
}

static int by_time(const void *a, const void *b)
{
    int64_t x = ((const struct letters_file *)a)->batch_ms, y = ((const struct letters_file *)b)->batch_ms;
    return (x > y) - (x < y);
}

/* The files, the oldest first. Takes over fd. */
static int list(struct sl_io *io, int fd, struct listing *ret, struct sl_error *err)
{
    DIR *dir = io->ops->fdopendir(io, fd);
    if (!dir) {
        int r = sl_error_sys(err, errno, "reading the directory of dead letters");
        sl_io_close(io, fd);
        return r;
    }
    bool ok = true;
    for (struct dirent *entry; ok && (entry = io->ops->readdir(io, dir));) {
        struct statx st;
        int64_t batch_ms;
        if (parse_name(entry->d_name, &batch_ms) &&
            io->ops->statx(io, fd, entry->d_name, AT_SYMLINK_NOFOLLOW, STATX_SIZE, &st) == 0)
            ok = add_file(ret, batch_ms, st.stx_size);
    }
    (void)io->ops->closedir(io, dir); /* nothing was written through it */
    if (ret->count)
        qsort(ret->file, ret->count, sizeof *ret->file, by_time);
    return ok ? 0 : sl_error_nomem(err);
}

/* Removes the oldest until the rest is neither too old nor too much. */
static int remove_oldest(struct sl_run *run, const struct listing *listing, int64_t from_ms,
                         struct sl_error *err)
{
    struct sl_deadletters *letters = &run->letters;
    int fd = open_directory(run, err), r = 0;
    size_t i = 0;
    letters->bytes = listing->bytes;
    for (; fd >= 0 && r == 0 && i < listing->count; i++) {
        char name[32];
        const struct letters_file *file = &listing->file[i];
        if (file->batch_ms >= from_ms && letters->bytes <= SL_DEADLETTER_BYTES_MAX)
            break;
        snprintf(name, sizeof name, "%lld.jsonl", (long long)file->batch_ms);
        if (run->services.io->ops->unlinkat(run->services.io, fd, name, 0) < 0 && errno != ENOENT)
            r = sl_error_sys(err, errno, "removing the dead letters %s", name);
        letters->bytes -= file->bytes;
        letters->removed += r == 0;
    }
    letters->oldest_ms = i < listing->count ? listing->file[i].batch_ms : INT64_MAX;
    if (fd >= 0)
        sl_io_close(run->services.io, fd);
    if (i && r == 0)
        sl_log(
            run->services.log, SL_LOG_INFO,
            "the dead letters of %zu batch%s were removed: they were older than keepHistory, or more than %d MiB",
            i, i == 1 ? "" : "es", SL_DEADLETTER_BYTES_MAX >> 20);
    return fd < 0 ? fd : r;
}

static int trim(struct sl_run *run, int64_t from_ms, struct sl_error *err)
{
    struct listing listing = {0};
    struct sl_error opening = {0};
    int fd = open_directory(run, &opening);
    run->letters.is_known = true;
    run->letters.bytes = 0;
    run->letters.oldest_ms = INT64_MAX;
    if (fd < 0) {
        if (opening.sys != ENOENT)
            *err = opening;
        return opening.sys == ENOENT ? 0 : fd;
    }
    int r = list(run->services.io, fd, &listing, err);
    r = r < 0 ? r : remove_oldest(run, &listing, from_ms, err);
    free(listing.file);
    return r;
}

void sl_deadletter_limit_added(struct sl_batch *batch, uint64_t bytes)
{
    struct sl_deadletters *letters = &batch->run->letters;
    letters->bytes += bytes;
    if (bytes && batch->t < letters->oldest_ms)
        letters->oldest_ms = batch->t;
}

/* The directory is listed at a start and when there is something to remove. */
int sl_deadletter_limit(struct sl_batch *batch, struct sl_error *err)
{
    struct sl_run *run = batch->run;
    const struct sl_deadletters *letters = &run->letters;
    int64_t from_ms = batch->t - run->context->options.keep_history_ms;
    if (!run->catalog ||
        (letters->is_known && letters->oldest_ms >= from_ms && letters->bytes <= SL_DEADLETTER_BYTES_MAX))
        return 0;
    if (trim(run, from_ms, err) < 0)
        sl_log(run->services.log, SL_LOG_WARNING, "batch %lld is committed, but %s", (long long)batch->t,
               err->text);
    return 0;
}
