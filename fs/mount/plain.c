/* The same tree as plain files, where FUSE is not available or not wanted; without log, next, feed and keys/.
 *
 * Every version is written under a hidden name and renamed to at/<t>; then `now` is replaced by a rename,
 * which is the swap; then versions beyond `keep` are renamed to a hidden name and removed. A reader that follows `now`
 * therefore sees whole versions, and an open file does not change. Nothing is synced: after a crash the
 * next run removes the tree, which it knows by its marker (fs/mount/mount_point.h), and shows the last version again. The
 * files stay when the run ends. */
#include "fs/mount/mount.h"

#include "core/base/trust.h"
#include "fs/mount/mount_point.h"
#include "fs/tree/render.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HIDDEN_VERSION "at/.new"
#define HIDDEN_OLD     "at/.old"
#define HIDDEN_NOW     ".now.new"

struct view {
    int fd;                    /* its directory, -1 before it was opened */
    struct sl_version *before; /* NULL before the first */
    unsigned keep;
    size_t count;
    int64_t *time_ms; /* of the versions under at/, oldest first; room for keep + 1 */
};

struct plain {
    struct sl_viewer viewer;
    struct sl_io *io;
    bool for_others;
    int dirfd, lock;
    int documents; /* the directory .sluice; -1 before it was opened */
    size_t views;
    struct view *view;
};

static const struct {
    const char *name, *target;
} links[] = {
    {"current", "now/data"},
    {"current.json", "now/data.json"},
    {"meta.json", "now/meta.json"},
};

static struct plain *plain_of(struct sl_viewer *viewer)
{
    return (struct plain *)viewer;
}

/* ---- writing a version ---- */

static mode_t directory_mode(const struct plain *plain)
{
    return plain->for_others ? 0755 : 0700;
}

static int write_new(struct plain *plain, int dirfd, const char *path, const struct sl_rendering *rendering,
                     struct sl_error *err)
{
    mode_t mode = plain->for_others ? 0444 : 0400;
    int fd = sl_io_open(plain->io, dirfd, path, O_WRONLY | O_CREAT | O_EXCL, mode, err);
    if (fd < 0)
        return fd;
    int r = sl_io_write(plain->io, fd, rendering->bytes, rendering->len, path, err);
    sl_io_close(plain->io, fd);
    return r;
}

/* *data_len is set by the first kind, DATA, and used by a later one. */
static int write_file(struct plain *plain, struct view *view, enum sl_render_kind kind,
                      const struct sl_version *version, uint64_t *data_len, struct sl_error *err)
{
    char path[64];
    struct sl_rendering *rendering = sl_render(kind, version, view->before, *data_len, NULL);
    if (!rendering)
        return sl_error_nomem(err);
    if (kind == SL_RENDER_DATA)
        *data_len = rendering->len;
    snprintf(path, sizeof path, HIDDEN_VERSION "/%s", sl_render_name(kind));
    int r = write_new(plain, view->fd, path, rendering, err);
    sl_rendering_unref(rendering);
    return r;
}

static int rename_in_view(struct plain *plain, struct view *view, const char *from, const char *to,
                          struct sl_error *err)
{
    if (plain->io->ops->renameat2(plain->io, view->fd, from, view->fd, to, 0) < 0)
        return sl_error_sys(err, errno, "renaming %s to %s", from, to);
    return 0;
}

/* Files under these names are left from a publish that failed. */
static int clear_way(struct plain *plain, struct view *view, const char *path, struct sl_error *err)
{
    int r = sl_io_remove_tree(plain->io, view->fd, HIDDEN_VERSION, err);
    return r < 0 ? r : sl_io_remove_tree(plain->io, view->fd, path, err);
}

static int write_version(struct plain *plain, struct view *view, const struct sl_version *version,
                         const char *path, struct sl_error *err)
{
    uint64_t data_len = 0;
    int r = clear_way(plain, view, path, err);
    if (r == 0)
        r = sl_io_make_dirs(plain->io, view->fd, HIDDEN_VERSION, directory_mode(plain), err);
    for (int kind = 0; r == 0 && kind < SL_RENDER_FILES; kind++)
        r = write_file(plain, view, (enum sl_render_kind)kind, version, &data_len, err);
    if (r == 0)
        r = rename_in_view(plain, view, HIDDEN_VERSION, path, err);
    return r;
}

static int make_link(struct plain *plain, struct view *view, const char *target, const char *path,
                     struct sl_error *err)
{
    if (plain->io->ops->symlinkat(plain->io, target, view->fd, path) < 0 && errno != EEXIST)
        return sl_error_sys(err, errno, "making the symlink %s", path);
    return 0;
}

/* The links are made first: where the version can be found, so can they. */
static int swap(struct plain *plain, struct view *view, const char *target, struct sl_error *err)
{
    int r = sl_io_remove_tree(plain->io, view->fd, HIDDEN_NOW, err);
    for (size_t i = 0; r == 0 && i < sizeof links / sizeof links[0]; i++)
        r = make_link(plain, view, links[i].target, links[i].name, err);
    if (r == 0)
        r = make_link(plain, view, target, HIDDEN_NOW, err);
    if (r == 0)
        r = rename_in_view(plain, view, HIDDEN_NOW, "now", err);
    return r;
}

static int remove_oldest(struct plain *plain, struct view *view, struct sl_error *err)
{
    char path[64];
    int r = sl_io_remove_tree(plain->io, view->fd, HIDDEN_OLD, err); /* what could not be removed last time */
    snprintf(path, sizeof path, "at/%" PRId64, view->time_ms[0]);
    if (r == 0)
        r = rename_in_view(plain, view, path, HIDDEN_OLD, err);
    if (r < 0)
        return r;
    memmove(view->time_ms, view->time_ms + 1, --view->count * sizeof *view->time_ms);
    return sl_io_remove_tree(plain->io, view->fd, HIDDEN_OLD, err);
}

static int remove_old(struct plain *plain, struct view *view, struct sl_error *err)
{
    int r = 0;
    while (r == 0 && view->count > view->keep)
        r = remove_oldest(plain, view, err);
    return r;
}

/* May be tried again after a failure: before the swap nothing has changed, and versions that are too old are removed now
 * or with the next version. */
static int publish(struct plain *plain, struct view *view, struct sl_version *version, struct sl_error *err)
{
    char path[64];
    sl_assert(!view->before || view->before->time_ms < version->time_ms);
    snprintf(path, sizeof path, "at/%" PRId64, version->time_ms);
    int r = remove_old(plain, view, err);
    if (r == 0)
        r = write_version(plain, view, version, path, err);
    if (r == 0)
        r = swap(plain, view, path, err);
    if (r < 0)
        return r;
    view->time_ms[view->count++] = version->time_ms;
    sl_version_unref(view->before);
    view->before = sl_version_ref(version);
    (void)remove_old(plain, view,
                     NULL); /* the version is shown; the next publish tries again and reports the failure */
    return 0;
}

static int plain_publish(struct sl_viewer *viewer, size_t view, struct sl_version *version,
                         struct sl_error *err)
{
    struct plain *plain = plain_of(viewer);
    sl_assert(view < plain->views);
    int r = publish(plain, &plain->view[view], version, err);
    return r < 0 ? sl_error_wrap(err, "showing the version of batch %" PRId64 " as plain files",
                                 version->time_ms)
                 : 0;
}

static int plain_document(struct sl_viewer *viewer, const char *name, const char *text, size_t len,
                          struct sl_error *err)
{
    struct plain *plain = plain_of(viewer);
    return text ? sl_io_replace_file(plain->io, plain->documents, name, text, len, err)
                : sl_io_remove_tree(plain->io, plain->documents, name, err);
}

static void plain_free(struct plain *plain)
{
    for (size_t i = 0; plain->view && i < plain->views; i++) {
        if (plain->view[i].fd >= 0)
            sl_io_close(plain->io, plain->view[i].fd);
        sl_version_unref(plain->view[i].before);
        free(plain->view[i].time_ms);
    }
    if (plain->documents >= 0)
        sl_io_close(plain->io, plain->documents);
    if (plain->dirfd >= 0)
        sl_io_close(plain->io, plain->dirfd);
    if (plain->lock >= 0)
        sl_io_close(plain->io, plain->lock);
    free(plain->view);
    free(plain);
}

static void plain_close(struct sl_viewer *viewer)
{
    plain_free(plain_of(viewer));
}

static const struct sl_viewer_ops plain_ops = {
    .publish = plain_publish,
    .document = plain_document,
    .close = plain_close,
};

/* ---- opening ---- */

static int write_marker(struct plain *plain, const struct sl_mount_options *options, struct sl_error *err)
{
    struct sl_buf names;
    sl_buf_init(&names);
    sl_buf_text(&names, ".sluice/");
    for (size_t i = 0; i < options->views; i++) {
        sl_buf_text(&names, options->view[i]);
        sl_buf_byte(&names, '/');
    }
    int r = names.failed
                ? sl_error_nomem(err)
                : sl_io_replace_file(plain->io, plain->dirfd, SL_PLAIN_MARKER, names.bytes, names.len, err);
    sl_buf_done(&names);
    return r;
}

/* Makes a directory and opens it. Who may write the one that it is in may have put another there meanwhile, or a link. */
static int make_own(struct plain *plain, const char *name, struct sl_error *err)
{
    struct stat st;
    int r = sl_io_make_dirs(plain->io, plain->dirfd, name, directory_mode(plain), err);
    int fd =
        r < 0 ? r : sl_io_open(plain->io, plain->dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
    if (fd < 0)
        return fd;
    if (plain->io->ops->fstat(plain->io, fd, &st) < 0)
        r = sl_error_sys(err, errno, "looking at %s", name);
    else if (st.st_uid != geteuid())
        r = sl_error_set(err, SL_EUSAGE, "%s belongs to another user (uid %u)", name, st.st_uid);
    if (r == 0)
        return fd;
    sl_io_close(plain->io, fd);
    return r;
}

static int make_view(struct plain *plain, struct view *view, const char *name, struct sl_error *err)
{
    view->time_ms = calloc((size_t)view->keep + 1, sizeof *view->time_ms);
    if (!view->time_ms)
        return sl_error_nomem(err);
    int r = view->fd = make_own(plain, name, err);
    return r < 0 ? r : sl_io_make_dirs(plain->io, view->fd, "at", directory_mode(plain), err);
}

static int make_tree(struct plain *plain, const struct sl_mount_options *options, struct sl_error *err)
{
    int r = plain->dirfd = sl_trust_open_dir(plain->io, AT_FDCWD, options->dir, err);
    if (r >= 0)
        r = write_marker(plain, options, err);
    if (r == 0)
        r = plain->lock = sl_mount_point_lock_marker(plain->io, plain->dirfd, options->dir, err);
    if (r >= 0)
        r = plain->documents = make_own(plain, ".sluice", err);
    if (r >= 0)
        r = sl_io_make_dirs(plain->io, plain->documents, "batches", directory_mode(plain), err);
    for (size_t i = 0; r == 0 && i < options->views; i++)
        r = make_view(plain, &plain->view[i], options->view[i], err);
    return r;
}

static struct plain *plain_new(const struct sl_mount_options *options)
{
    struct plain *plain = calloc(1, sizeof *plain);
    if (!plain)
        return NULL;
    *plain = (struct plain){.viewer.ops = &plain_ops,
                            .io = options->io,
                            .for_others = options->for_others,
                            .dirfd = -1,
                            .documents = -1,
                            .lock = -1,
                            .views = options->views,
                            .view = calloc(options->views ? options->views : 1, sizeof(struct view))};
    if (!plain->view) {
        plain_free(plain);
        return NULL;
    }
    for (size_t i = 0; i < plain->views; i++)
        plain->view[i] = (struct view){.fd = -1, .keep = options->keep[i]};
    return plain;
}

int sl_plain_view_open(const struct sl_mount_options *options, struct sl_viewer **ret, struct sl_error *err)
{
    int r = sl_mount_point_prepare(options->io, options->dir, err);
    if (r < 0)
        return r;
    struct plain *plain = plain_new(options);
    if (!plain)
        return sl_error_nomem(err);
    r = make_tree(plain, options, err);
    if (r < 0) {
        plain_free(plain);
        return sl_error_wrap(err, "showing the views as plain files in %s", options->dir);
    }
    *ret = &plain->viewer;
    return 0;
}
