#include "output/retention.h"

#include "core/base/array.h"
#include "core/base/trust.h"
#include "output/manifest.h"
#include "output/output_dir.h"
#include "output/save_bucket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* The times of this output's directories that are too old, oldest first. */
struct made {
    const struct sl_save_settings *settings;
    struct sl_bucket **bucket; /* NULL: directories */
    const char *owner;
    int64_t t;
    int64_t *time_ms;
    size_t count, capacity;
    struct sl_error *err;
};

static int made_add(struct made *made, int64_t time_ms)
{
    int64_t *grown = sl_array_grow(made->time_ms, made->count, &made->capacity, sizeof *grown);
    if (!grown)
        return sl_error_nomem(made->err);
    made->time_ms = grown;
    made->time_ms[made->count++] = time_ms;
    return 0;
}

/* 1 at the first that is not too old. Other outputs' directories have other names. */
static int made_visit(void *arg, int64_t time_ms, const char *path)
{
    struct made *made = arg;
    const struct sl_save_settings *settings = made->settings;
    struct sl_output_dir place;
    if (!settings->keep_count && time_ms > made->t - settings->keep_ms)
        return 1;
    int r = sl_output_dir_init(&place, settings->prefix, settings->suffix, time_ms, made->owner, made->err);
    if (r < 0)
        return r;
    if (strcmp(place.shown, path) == 0)
        r = made_add(made, time_ms);
    sl_output_dir_done(&place);
    return r;
}

/* Once: it is not asked for again. */
static void say_left(const struct sl_services *services, const struct sl_output_dir *place)
{
    sl_log(services->log, SL_LOG_WARNING,
           "%s is older than `keep` says, but not as it was written: it is left alone; remove it when it is "
           "not wanted",
           place->shown);
}

/* Under the hidden name first: no reader sees a directory with _SUCCESS and half its parts. */
static int remove_directory(const struct sl_services *services, int parent_fd,
                            const struct sl_output_dir *place, const struct sl_manifest *manifest,
                            struct sl_error *err)
{
    struct sl_io *io = services->io;
    bool same = false;
    struct statx st;
    bool there = io->ops->statx(io, parent_fd, place->name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st) == 0;
    if (!there && errno != ENOENT)
        return sl_error_sys(err, errno, "looking at %s", place->shown);
    int r = there ? sl_manifest_matches(io, parent_fd, place->name, place->shown, manifest, false, &same, err)
                  : 0;
    if (r == 0 && same && io->ops->renameat2(io, parent_fd, place->name, parent_fd, place->hidden, 0) < 0)
        r = sl_error_sys(err, errno, "removing %s", place->shown);
    if (r == 0 && there && !same)
        say_left(services, place);
    /* Not there: an earlier try may have come as far as the hidden name. */
    return r == 0 && (same || !there) ? sl_io_remove_tree(io, parent_fd, place->hidden, err) : r;
}

static int release(const struct sl_services *services, int parent_fd, const struct sl_output_dir *place,
                   int64_t time_ms, struct sl_error *err)
{
    struct sl_history *history = services->history;
    struct sl_manifest manifest;
    int r = history->ops->manifest(history, time_ms, place->shown, &manifest, err);
    if (r < 0)
        return r;
    r = remove_directory(services, parent_fd, place, &manifest, err);
    sl_manifest_done(&manifest);
    return r < 0 ? r : history->ops->release(history, time_ms, place->shown, err);
}

static int let_directory_go(const struct sl_services *services, const struct sl_output_dir *place,
                            int64_t time_ms, struct sl_error *err)
{
    int fd = sl_trust_open_dir(services->io, services->job_dirfd, place->parent, err);
    int r = fd < 0 ? fd : release(services, fd, place, time_ms, err);
    if (fd >= 0)
        sl_io_close(services->io, fd);
    return r;
}

static int let_objects_go(const struct sl_services *services, const struct made *made,
                          const struct sl_output_dir *place, int64_t time_ms, struct sl_error *err)
{
    struct sl_history *history = services->history;
    struct sl_manifest manifest;
    bool is_removed = false;
    int r = history->ops->manifest(history, time_ms, place->shown, &manifest, err);
    if (r < 0)
        return r;
    r = sl_save_bucket_remove(made->bucket, services, made->settings, place, &manifest, &is_removed, err);
    sl_manifest_done(&manifest);
    return r < 0 || !is_removed ? r : history->ops->release(history, time_ms, place->shown, err);
}

static int let_oldest_go(const struct sl_services *services, const struct made *made, size_t count,
                         struct sl_error *err)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < count; i++) {
        struct sl_output_dir place;
        r = sl_output_dir_init(&place, made->settings->prefix, made->settings->suffix, made->time_ms[i],
                               made->owner, err);
        if (r < 0)
            return r;
        r = made->bucket ? let_objects_go(services, made, &place, made->time_ms[i], err)
                         : let_directory_go(services, &place, made->time_ms[i], err);
        sl_output_dir_done(&place);
    }
    return r;
}

int sl_retention_newest(const struct sl_services *services, const struct sl_save_settings *settings,
                        struct sl_bucket **bucket, int64_t t, struct sl_error *err)
{
    struct sl_history *history = services->history;
    struct made made = {.settings = settings, .bucket = bucket, .owner = services->owner, .t = t, .err = err};
    if (!history)
        return 0;
    char *series = sl_output_dir_series(settings->prefix, settings->suffix);
    int r = series ? history->ops->oldest(history, series, settings->keep_count, made_visit, &made, err)
                   : sl_error_nomem(err);
    r = r < 0 ? r : let_oldest_go(services, &made, made.count, err);
    free(series);
    free(made.time_ms);
    return r;
}
