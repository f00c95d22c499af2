#include "sources/after.h"

#include "core/base/ancestors.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/trust.h"
#include "sources/letters.h"
#include "sources/put_away.h"
#include "sources/put_marker_away.h"

#include <stdlib.h>
#include <string.h>

/* Failures of owed files after which a batch leaves the rest of them to later ones. At a start more are tried. */
enum { FAILURES_MAX = 8, FAILURES_AT_START_MAX = 1000 };

/* ---- one arrival ---- */

/* Whether the second came in the directory in which the first came. */
static bool is_together(const struct sl_file *a, const struct sl_file *b)
{
    return b->path && strncmp(a->path, b->path, (size_t)(strrchr(a->path, '/') - a->path) + 1) == 0;
}

/* The files of one batch from the first on that came with it. */
static size_t together(const struct sl_file_source *source, const struct sl_file *file, size_t files)
{
    size_t count = 1;
    if (sl_letters_name(file->path) || !sl_arrival_is_part(source, file))
        return 1;
    while (count < files && is_together(file, &file[count]))
        count++;
    return count;
}

/* 0: it need not be thought of any more; 1: it is owed; or a failure: of a sync, or of memory. */
static int settle_files(struct sl_put_away *put_away, const struct sl_file *file, size_t count,
                        struct sl_error *err)
{
    struct sl_arrivals *arrivals = put_away->source->arrivals;
    struct sl_arrival arrival;
    struct sl_error why = {0};
    if (!sl_arrival_init(&arrival, put_away->source, file, count))
        return 0;
    int r = sl_put_marker_away(put_away, &arrival, &why);
    r = r < 0 ? r : sl_put_away(put_away, &arrival, &why);
    if (r == 0 && arrivals->ops->removed && arrivals->ops->removed(arrivals, file, err) < 0)
        return SL_ENOMEM;
    if (r >= 0)
        return 0;
    if (put_away->sync_failed || r == SL_ENOMEM) {
        *err = why;
        return r == SL_ENOMEM ? r : SL_EFAIL;
    }
    sl_put_away_tell(put_away, &arrival, why.text);
    return 1;
}

/* ---- what is owed ---- */

static int owe(struct sl_file_source *source, const struct sl_file *file, size_t count, int64_t batch_ms,
               struct sl_error *err)
{
    for (size_t i = 0; i < count; i++)
        if (sl_owed_files_add(&source->owed.now, &file[i], batch_ms) < 0 ||
            sl_owed_files_add(&source->owed.added, &file[i], batch_ms) < 0)
            return sl_error_nomem(err);
    return 0;
}

/* Takes [first, first + count) off the list, for what was done. */
static int drop(struct sl_file_source *source, size_t first, size_t count, struct sl_error *err)
{
    struct sl_owed_files *now = &source->owed.now;
    for (size_t i = first; i < first + count; i++) {
        if (sl_owed_files_add(&source->owed.done, &now->files.file[i], now->batch_ms[i]) < 0)
            return sl_error_nomem(err);
        free(now->files.file[i].path);
        now->files.file[i].path = NULL; /* sl_owed_files_pack takes it out */
    }
    return 0;
}

/* How many from number `at` on were read by one batch: a directory of one name may be owed twice. */
static size_t of_one_batch(const struct sl_owed_files *owed, size_t at)
{
    size_t count = 1;
    while (at + count < owed->files.count && owed->batch_ms[at + count] == owed->batch_ms[at])
        count++;
    return count;
}

/* From earlier batches, beginning where the last call stopped. */
static int settle_owed(struct sl_put_away *put_away, struct sl_error *err)
{
    struct sl_file_source *source = put_away->source;
    struct sl_owed *owed = &source->owed;
    size_t failures = 0, tried = 0, all = owed->now.files.count;
    size_t failures_max = owed->was_tried ? FAILURES_MAX : FAILURES_AT_START_MAX;
    size_t at = owed->next < all ? owed->next : 0;
    int r = 0;
    for (size_t count; r >= 0 && tried < all && failures < failures_max; tried += count) {
        const struct sl_file *file = &owed->now.files.file[at];
        count = together(source, file, of_one_batch(&owed->now, at));
        put_away->batch_ms = owed->now.batch_ms[at];
        r = settle_files(put_away, file, count, err);
        failures += r > 0;
        if (r == 0)
            r = drop(source, at, count, err);
        at = at + count < all ? at + count : 0;
    }
    owed->was_tried = true;
    owed->next = sl_owed_files_pack(&owed->now, at);
    return r < 0 ? r : 0;
}

/* ---- the batch ---- */

static bool all_were_read(const struct sl_file_source *source, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++)
        if (source->state[i].reason)
            return false;
    return true;
}

static int settle_batch(struct sl_put_away *put_away, struct sl_error *err)
{
    struct sl_file_source *source = put_away->source;
    int r = 0;
    put_away->batch_ms = source->batch_ms;
    if (!source->files || source->options.after == SL_AFTER_KEEP)
        return 0;
    for (size_t i = 0, count; r >= 0 && i < source->files->count; i += count) {
        const struct sl_file *file = &source->files->file[i];
        count = together(source, file, source->files->count - i);
        if (sl_letters_name(file->path) || !all_were_read(source, i, count))
            continue;
        r = settle_files(put_away, file, count, err);
        if (r > 0)
            r = owe(source, file, count, source->batch_ms, err);
    }
    return r < 0 ? r : 0;
}

/* What the batch owes is written when all of it was tried. */
static bool was_settled(const struct sl_file_source *source)
{
    const struct sl_owed_files *owed = &source->owed.now;
    for (size_t i = owed->files.count; source->is_resumed && i-- > 0;)
        if (owed->batch_ms[i] == source->batch_ms)
            return true;
    return false;
}

/* ---- directories ---- */

/* What was put away is forgotten with a later commit: it must not come back with a power loss. */
static int sync_dirs(struct sl_put_away *put_away, struct sl_error *err)
{
    const struct sl_services *services = put_away->source->services;
    const struct sl_file_options *options = &put_away->source->options;
    int r = 0;
    if (!services->durable || !put_away->any_renamed)
        return 0;
    if (put_away->archive_fd >= 0) /* else nothing was moved there */
        r = sl_put_away_sync_archive(put_away, err);
    return r < 0 ? r : sl_io_sync_dir(services->io, services->job_dirfd, options->dir, err);
}

/* Where it cannot be made, each file reports it and is archived later. A failure: of a sync. */
static int make_archive(const struct sl_file_source *source, struct sl_error *err)
{
    const struct sl_services *services = source->services;
    const char *archive = source->options.archive;
    struct sl_error why = {0};
    if (source->options.after != SL_AFTER_ARCHIVE)
        return 0;
    if (sl_trust_make_dirs(services->io, services->job_dirfd, archive, 0777, &why) < 0) {
        sl_log(services->log, SL_LOG_WARNING, "making the archive: %s", why.text);
        return 0;
    }
    int r = services->durable ? sl_ancestors_sync(services->io, services->job_dirfd, archive, err) : 0;
    return r < 0 ? sl_error_wrap(err, "making the archive") : 0;
}

int sl_after_batch(struct sl_file_source *source, struct sl_error *err)
{
    struct sl_put_away put_away = {.source = source, .archive_fd = -1};
    bool any = source->files && source->files->count && source->options.after != SL_AFTER_KEEP;
    if (!any && !source->owed.now.files.count)
        return 0;
    bool is_settled = was_settled(source);
    int r = make_archive(source, err);
    r = r < 0 ? r : settle_owed(&put_away, err);
    if (r == 0 && !is_settled)
        r = settle_batch(&put_away, err);
    r = r < 0 ? r : sync_dirs(&put_away, err);
    if (put_away.archive_fd >= 0)
        sl_io_close(source->services->io, put_away.archive_fd);
    return r;
}

/* ---- for the engine ---- */

struct sl_owed *sl_file_source_owed(struct sl_source *base)
{
    return &((struct sl_file_source *)base)->owed;
}

int sl_file_source_owe(struct sl_source *base, const struct sl_file *file, int64_t batch_ms,
                       struct sl_error *err)
{
    return sl_owed_files_add(&((struct sl_file_source *)base)->owed.now, file, batch_ms) < 0
               ? sl_error_nomem(err)
               : 0;
}
