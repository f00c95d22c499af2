#include "engine/batch/viewer.h"

#include "engine/graph/paths.h"
#include "fs/mount/mount.h"

#include <stdlib.h>
#include <string.h>

static int list_views(struct sl_run *run, struct sl_mount_options *options, const char **view, unsigned *keep,
                      struct sl_error *err)
{
    for (size_t n = 0; n < run->pipelines->nodes; n++) {
        struct sl_node *node = (struct sl_node *)run->pipelines->node[n];
        if (node->op->kind != SL_OP_OUTPUT || strcmp(node->op->name, "mount") != 0)
            continue;
        struct sl_field name = sl_node_value(node, 0);
        view[options->views] = sl_arena_text(&run->context->arena, (const char *)name.str, name.len);
        if (!view[options->views])
            return sl_error_nomem(err);
        node->view = options->views;
        keep[options->views++] = (unsigned)sl_view_versions_kept(node);
    }
    return 0;
}

/* FUSE, or plain files with a warning where it is not available. */
static int open_viewer(struct sl_run *run, const struct sl_mount_options *options, struct sl_error *err)
{
    bool is_plain = run->context->options.mount_kind == SL_MOUNT_DIR;
    if (is_plain && run->options->require_mount)
        return sl_error_set(
            err, SL_EUSAGE,
            "--require-mount: the job wants plain files, mount = { kind = \"dir\" }; leave one of them out");
    if (is_plain)
        return sl_plain_view_open(options, &run->services.viewer, err);
    int r = sl_mount_open(options, &run->services.viewer, err);
    if (r != SL_EFAIL || run->options->require_mount)
        return r;
    sl_log(run->services.log, SL_LOG_WARNING, "no live mount, plain files in its place: %s", err->text);
    return sl_plain_view_open(options, &run->services.viewer, err);
}

int sl_viewer_open(struct sl_run *run, struct sl_error *err)
{
    size_t nodes = run->pipelines->nodes;
    const char **view = calloc(nodes + 1, sizeof *view);
    unsigned *keep = calloc(nodes + 1, sizeof *keep);
    char *dir = sl_mount_path(run->context);
    struct sl_mount_options options = {
        .dir = dir,
        .view = view,
        .keep = keep,
        .for_others = run->context->options.mount_for_others,
        .io = run->services.io,
        .log = run->services.log,
    };
    int r = view && keep && dir ? list_views(run, &options, view, keep, err) : sl_error_nomem(err);
    if (r == 0 && options.views)
        r = open_viewer(run, &options, err);
    free(view);
    free(keep);
    free(dir);
    return r;
}

/* ---- a mount that was taken away ---- */

struct versions {
    size_t count;
    struct sl_version **version; /* [count]; NULL: the view shows nothing yet */
};

static void versions_done(struct versions *versions)
{
    for (size_t i = 0; i < versions->count; i++)
        if (versions->version[i])
            sl_version_unref(versions->version[i]);
    free(versions->version);
}

static int take_versions(struct sl_run *run, struct versions *ret, struct sl_error *err)
{
    struct sl_viewer *viewer = run->services.viewer;
    ret->version = calloc(run->pipelines->nodes + 1, sizeof(struct sl_version *));
    if (!ret->version)
        return sl_error_nomem(err);
    for (size_t n = 0; n < run->pipelines->nodes; n++) {
        const struct sl_node *node = run->pipelines->node[n];
        if (node->op->kind == SL_OP_OUTPUT && strcmp(node->op->name, "mount") == 0)
            ret->version[ret->count++] = viewer->ops->newest(viewer, node->view);
    }
    return 0;
}

static int show_again(struct sl_run *run, const struct versions *versions, struct sl_error *err)
{
    int r = sl_viewer_open(run, err);
    for (size_t i = 0; r == 0 && i < versions->count; i++)
        if (versions->version[i])
            r = run->services.viewer->ops->publish(run->services.viewer, i, versions->version[i], err);
    return r;
}

/* The views show their newest versions again; where that fails the run continues without them. */
static int mount_again(struct sl_run *run, struct sl_error *err)
{
    struct versions versions = {0};
    int r = take_versions(run, &versions, err);
    if (r == 0) {
        run->services.viewer->ops->close(run->services.viewer);
        run->services.viewer = NULL;
        if (!run->context->options.mount_once && show_again(run, &versions, err) < 0)
            sl_log(run->services.log, SL_LOG_WARNING, "the mount is not there again: %s", err->text);
    }
    versions_done(&versions);
    return r;
}

int sl_viewer_check(struct sl_run *run, struct sl_error *err)
{
    struct sl_viewer *viewer = run->services.viewer;
    if (!viewer || !viewer->ops->is_lost || !viewer->ops->is_lost(viewer))
        return 0;
    char *dir = sl_mount_path(run->context);
    const char *shown = dir ? dir : "";
    int r = 0;
    run->mounts_lost++;
    if (run->options->require_mount)
        r = sl_error_set(
            err, SL_EFAIL,
            "the mount %s was taken away (unmounted, or its connection aborted); the run ends because of "
            "--require-mount",
            shown);
    else
        sl_log(run->services.log, SL_LOG_WARNING,
               "the mount %s was taken away (unmounted, or its connection aborted); %s", shown,
               run->context->options.mount_once ? "remount = false, so the run continues without it"
                                                : "it is mounted again");
    free(dir);
    return r < 0 ? r : mount_again(run, err);
}
