/* The viewer that mounts: a tree, a FUSE session that answers from it, and three more threads.
 *
 * - swaps notifies the kernel that `now` (a log, a status) is another inode; tens of microseconds each
 * - sweeps removes retired versions from the kernel's caches; that may take seconds for a million cached keys,
 *   and must not delay a swap meanwhile
 * - housekeeper, after each publish: replies to reads that wait for it, appends to open log files, frees
 *
 * A publish is a pointer store in the tree, one notice and one kick. */
#include "fs/mount/mount.h"

#include "fs/mount/fuse_log.h"
#include "fs/mount/housekeeper.h"
#include "fs/mount/mount_point.h"
#include "fs/mount/notifier.h"
#include "fs/mount/requests.h"
#include "fs/mount/session.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* How long a reply with a new version is delayed at most until the caches were notified; and how long after that has
 * timed out once. */
enum { TELL_MS = 1000, TELL_AGAIN_MS = 20 };

struct mount {
    struct sl_viewer viewer;
    struct sl_log *log;
    struct sl_requests requests;
    struct sl_session *session;
    struct sl_notifier *swaps, *sweeps;
    struct sl_housekeeper *housekeeper;
    bool is_late; /* it timed out the last time */
};

static struct mount *mount_of(struct sl_viewer *viewer)
{
    return (struct mount *)viewer;
}

/* An error means that the caches do not hold it, or that the mount has ended: nothing to do. */
static void notify(void *arg, const struct sl_notice *notice)
{
    struct mount *mount = arg;
    struct fuse_session *fuse = sl_session_fuse(mount->session);
    switch (notice->kind) {
    case SL_NOTICE_GONE:
        (void)fuse_lowlevel_notify_delete(fuse, notice->parent, notice->child, notice->name,
                                          strlen(notice->name));
        return;
    case SL_NOTICE_DROP:
        (void)fuse_lowlevel_notify_inval_entry(fuse, notice->parent, notice->name, strlen(notice->name));
        return;
    }
}

static bool push_notice(void *arg, const struct sl_notice *notice)
{
    struct mount *mount = arg;
    return sl_notifier_push(notice->kind == SL_NOTICE_GONE ? mount->swaps : mount->sweeps, notice);
}

/* Waits until the kernel's caches were notified of what is published now, so that streams may give it; with `anyway`
 * they may also after a time-out. */
static bool tell(struct mount *mount, int timeout_ms, bool anyway)
{
    uint64_t published = sl_tree_published(mount->requests.tree);
    bool settled = sl_notifier_settle(mount->swaps, timeout_ms);
    if (settled || anyway)
        sl_tree_notified(mount->requests.tree, published);
    return settled;
}

/* Readers see a swap before anything else is done. */
static bool keep_house(void *arg)
{
    struct mount *mount = arg;
    (void)tell(mount, TELL_MS, true);
    sl_waiting_wake(mount->requests.waiting);
    return sl_tree_tidy(mount->requests.tree);
}

static int mount_publish(struct sl_viewer *viewer, size_t view, struct sl_version *version,
                         struct sl_error *err)
{
    struct mount *mount = mount_of(viewer);
    int r = sl_tree_publish(mount->requests.tree, view, version, err);
    if (r == 0)
        sl_housekeeper_kick(mount->housekeeper);
    return r;
}

static int mount_document(struct sl_viewer *viewer, const char *name, const char *text, size_t len,
                          struct sl_error *err)
{
    return sl_tree_document(mount_of(viewer)->requests.tree, name, text, len, err);
}

/* A notice usually waits for nothing but a processor. A reader that is stuck inside the kernel could delay it for ever:
 * then this waits once for the long time-out, and afterwards for the short one until the notices are processed again. */
static bool mount_settle(struct sl_viewer *viewer, int timeout_ms)
{
    struct mount *mount = mount_of(viewer);
    bool shorter = mount->is_late && timeout_ms > TELL_AGAIN_MS;
    mount->is_late = !tell(mount, shorter ? TELL_AGAIN_MS : timeout_ms, false);
    return !mount->is_late;
}

/* The notifiers are stopped first: while they are in the kernel, requests must still be served. Requests may push
 * notices, so the notifiers are freed last. */
static void mount_free(struct mount *mount)
{
    sl_housekeeper_stop(mount->housekeeper);
    if (mount->requests.waiting)
        sl_waiting_end(mount->requests.waiting);
    sl_notifier_stop(mount->swaps);
    sl_notifier_stop(mount->sweeps);
    sl_session_free(mount->session);
    sl_waiting_free(mount->requests.waiting);
    sl_tree_free(mount->requests.tree);
    sl_notifier_free(mount->swaps);
    sl_notifier_free(mount->sweeps);
    sl_fuse_log_end(mount->log);
    free(mount);
}

static void mount_count(struct sl_viewer *viewer, struct sl_viewer_counts *ret)
{
    struct mount *mount = mount_of(viewer);
    sl_tree_count(mount->requests.tree, ret);
    ret->waiting = sl_waiting_count(mount->requests.waiting);
}

static void mount_count_view(struct sl_viewer *viewer, size_t view, struct sl_view_counts *ret)
{
    sl_tree_count_view(mount_of(viewer)->requests.tree, view, ret);
}

static struct sl_version *mount_newest(struct sl_viewer *viewer, size_t view)
{
    return sl_tree_newest(mount_of(viewer)->requests.tree, view);
}

static bool mount_is_lost(struct sl_viewer *viewer)
{
    return sl_session_is_lost(mount_of(viewer)->session);
}

static void mount_close(struct sl_viewer *viewer)
{
    mount_free(mount_of(viewer));
}

static const struct sl_viewer_ops mount_ops = {
    .publish = mount_publish,
    .document = mount_document,
    .settle = mount_settle,
    .count = mount_count,
    .count_view = mount_count_view,
    .newest = mount_newest,
    .is_lost = mount_is_lost,
    .close = mount_close,
};

static int make_tree(struct mount *mount, const struct sl_mount_options *options, struct sl_error *err)
{
    struct sl_tree_options tree = {
        .view = options->view,
        .views = options->views,
        .keep = options->keep,
        .for_others = options->for_others,
        .notice = push_notice,
        .notice_arg = mount,
    };
    int r = sl_tree_new(&tree, &mount->requests.tree, err);
    if (r < 0)
        return r;
    mount->requests.waiting = sl_waiting_new(mount->requests.tree);
    return mount->requests.waiting ? 0 : sl_error_nomem(err);
}

static int start(struct mount *mount, const struct sl_mount_options *options, struct sl_error *err)
{
    char dir[PATH_MAX];
    const struct sl_session_options session = {options->for_others, options->debug};
    int r = make_tree(mount, options, err);
    if (r == 0 &&
        !realpath(options->dir, dir)) /* absolute, to unmount it whatever the working directory is then */
        r = sl_error_sys(err, errno, "mount point %s", options->dir);
    if (r == 0)
        r = sl_session_mount(dir, &session, &sl_requests_ops, &mount->requests, &mount->session, err);
    if (r == 0)
        r = sl_notifier_start(notify, mount, &mount->swaps, err);
    if (r == 0)
        r = sl_notifier_start(notify, mount, &mount->sweeps, err);
    if (r == 0)
        r = sl_housekeeper_start(keep_house, mount, &mount->housekeeper, err);
    if (r == 0)
        r = sl_session_serve(mount->session, err);
    return r;
}

int sl_mount_open(const struct sl_mount_options *options, struct sl_viewer **ret, struct sl_error *err)
{
    int r = sl_mount_point_prepare(options->io, options->dir, err);
    if (r < 0)
        return r;
    struct mount *mount = calloc(1, sizeof *mount);
    if (!mount)
        return sl_error_nomem(err);
    mount->viewer.ops = &mount_ops;
    mount->log = options->log;
    sl_fuse_log_begin(mount->log);
    r = start(mount, options, err);
    if (r < 0) {
        mount_free(mount);
        return r;
    }
    *ret = &mount->viewer;
    return 0;
}
