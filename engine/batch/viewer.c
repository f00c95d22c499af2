#include "engine/batch/viewer.h"

#include "engine/graph/paths.h"
#include "fs/mount/mount.h"

#include <stdlib.h>
#include <string.h>

static unsigned versions_kept(const struct sl_node *node)
{
    struct sl_arg keep = sl_node_option(node, "keep");
    return keep.kind == SL_ARG_VALUE ? (unsigned)keep.value.integer : SL_VIEW_KEEP_DEFAULT;
}

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
        keep[options->views++] = versions_kept(node);
    }
    return 0;
}

/* FUSE, or plain files with a warning where it is not to be had. */
static int open_viewer(struct sl_run *run, const struct sl_mount_options *options, struct sl_error *err)
{
    if (run->context->options.mount_kind == SL_MOUNT_DIR)
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
